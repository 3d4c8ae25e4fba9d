/** Text as it would be read: what only looks like a word is that word, and what cannot be seen is not there. */

const ascii = /^[\t\n\r\x20-\x7e]*$/;

/** Letters of other scripts that are taken for Latin ones, lower case, and what they look like. */
const lookalikes: ReadonlyMap<string, string> = new Map(
  Object.entries({
    a: 'аɑαᴀ',
    b: 'ʙвьƅ',
    c: 'сϲᴄⅽ',
    d: 'ԁɗᴅⅾ',
    e: 'еєҽᴇεℯ',
    f: 'ƒꜰϝ',
    g: 'ɡցɢ',
    h: 'һհʜнℎ',
    i: 'іıɩιɪⅰӏ',
    j: 'јϳᴊ',
    k: 'кκᴋ',
    l: 'ⅼʟǀḷłꓲ',
    m: 'мᴍⅿ',
    n: 'ոռɴηп',
    o: 'оοօᴏσøө০ⲟ',
    p: 'рρᴘ',
    q: 'ԛզ',
    r: 'гʀᴦ',
    s: 'ѕꜱʂ',
    t: 'тτᴛ',
    u: 'սυᴜцʋ',
    v: 'ѵνᴠⅴ',
    w: 'ԝѡᴡωɯ',
    x: 'хχⅹ',
    y: 'уүγʏ',
    z: 'ᴢʐ',
    '-': '−‐‑‒–—―﹣',
    '/': '⁄∕⧸',
    '.': '․。',
    ' ': '⠀ㅤ',
  }).flatMap(([letter, others]) => Array.from(others).map((other) => [other, letter] as const)),
);

const notPlain = /[^\t\n\r\x20-\x7e]/gu;
const unseen = /[\p{M}\p{Default_Ignorable_Code_Point}\p{Cf}]|(?!\s)\p{Cc}/gu;

/** Compatibility forms, accents, invisible characters and lookalikes undone. Case is left. */
export function toPlainText(text: string): string {
  if (ascii.test(text)) return text;
  return text
    .normalize('NFKD')
    .replace(unseen, '')
    .replace(notPlain, (character) => {
      const lower = lookalikes.get(character);
      if (lower !== undefined) return lower;
      return lookalikes.get(character.toLowerCase()) ?? (/\s/u.test(character) ? ' ' : character);
    });
}

/** Latin letters among those of another script: nothing a person would write, and nobody can say what it means. */
export function isMixedScript(plain: string): boolean {
  return !ascii.test(plain) && /[a-z]/i.test(plain) && /[^\P{L}\p{Script=Latin}]/u.test(plain);
}
