// Languages as tesseract names its data, from the tags that macOS takes.
import { fail } from '@car-runtime/protocol';

const byTag: Readonly<Record<string, string>> = {
  ar: 'ara',
  bg: 'bul',
  ca: 'cat',
  cs: 'ces',
  da: 'dan',
  de: 'deu',
  el: 'ell',
  en: 'eng',
  es: 'spa',
  et: 'est',
  fi: 'fin',
  fr: 'fra',
  he: 'heb',
  hi: 'hin',
  hr: 'hrv',
  hu: 'hun',
  id: 'ind',
  it: 'ita',
  ja: 'jpn',
  ko: 'kor',
  lt: 'lit',
  lv: 'lav',
  nb: 'nor',
  nl: 'nld',
  no: 'nor',
  pl: 'pol',
  pt: 'por',
  ro: 'ron',
  ru: 'rus',
  sk: 'slk',
  sl: 'slv',
  sr: 'srp',
  sv: 'swe',
  th: 'tha',
  tr: 'tur',
  uk: 'ukr',
  vi: 'vie',
  yue: 'chi_tra',
};

/** `en-US` and `eng` are both `eng`; Chinese goes by its script. */
export function toTesseractLanguage(tag: string): string {
  const [primary = '', ...rest] = tag.toLowerCase().replaceAll('_', '-').split('-');
  if (primary === 'zh' || primary === 'chi') {
    const isTraditional = rest.some((part) => ['hant', 'tra', 'tw', 'hk', 'mo'].includes(part));
    return isTraditional ? 'chi_tra' : 'chi_sim';
  }
  const known = byTag[primary];
  if (known !== undefined) return known;
  if (primary.length === 3) return [primary, ...rest].join('_');
  throw fail('failed', `Cannot read the image: language ${JSON.stringify(tag)} is not known`, {
    data: { reason: 'unknown_language' },
  });
}

/** Debian's package of a language's data. */
export function packageOfLanguage(language: string): string {
  return `tesseract-ocr-${language.replaceAll('_', '-')}`;
}
