// Lines of text from tesseract's table: tab-separated, a row for each page, block, paragraph, line and word.

export interface TextLine {
  text: string;
  /** 0 to 1. */
  confidence: number;
  /** Of the image's width and height, from the bottom left. */
  x: number;
  y: number;
  w: number;
  h: number;
}

const level = { page: 1, line: 4, word: 5 } as const;

interface Row {
  level: number;
  /** Page, block, paragraph and line. */
  key: string;
  left: number;
  top: number;
  width: number;
  height: number;
  confidence: number;
  text: string;
}

export function toTextLines(table: string): TextLine[] {
  const lines: TextLine[] = [];
  let page: Row | undefined;
  let line: Row | undefined;
  let words: Row[] = [];
  const close = (): void => {
    if (page && line && words.length > 0) lines.push(toLine(page, line, words));
    words = [];
  };
  for (const row of rowsOf(table)) {
    if (row.level === level.page || row.level === level.line) close();
    if (row.level === level.page) page = row;
    else if (row.level === level.line) line = row;
    else if (row.level === level.word && row.text.trim() !== '' && row.key === line?.key) words.push(row);
  }
  close();
  return lines;
}

function* rowsOf(table: string): Generator<Row> {
  for (const text of table.split('\n')) {
    const cells = text.split('\t');
    if (cells.length < 12 || cells[0] === 'level') continue;
    const [rank = 0, left = 0, top = 0, width = 0, height = 0, confidence = 0] = [0, 6, 7, 8, 9, 10].map((index) =>
      Number(cells[index]),
    );
    const key = cells.slice(1, 5).join('.');
    yield { level: rank, key, left, top, width, height, confidence, text: cells.slice(11).join('\t') };
  }
}

function toLine(page: Row, line: Row, words: readonly Row[]): TextLine {
  const confidence = words.reduce((sum, word) => sum + word.confidence, 0) / words.length / 100;
  return {
    text: words.map(({ text }) => text).join(' '),
    confidence: part(confidence, 1),
    x: part(line.left, page.width),
    y: part(page.height - line.top - line.height, page.height),
    w: part(line.width, page.width),
    h: part(line.height, page.height),
  };
}

function part(value: number, whole: number): number {
  const ratio = whole > 0 ? value / whole : 0;
  return Math.min(1, Math.max(0, Math.round(ratio * 1e6) / 1e6));
}
