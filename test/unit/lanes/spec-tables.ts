/** Reads the tables of a Markdown text. */
export interface SpecTable {
  /** Heads of the columns, without the first. */
  readonly columns: readonly string[];
  /** By the row's first cell, its other cells by column. */
  readonly rows: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** The table whose first head is `corner`; it is an error if there is none, or a row of another width. */
export function tableIn(markdown: string, corner: string): SpecTable {
  const lines = markdown.split('\n');
  const start = lines.findIndex((line) => line.startsWith('|') && cellsOf(line)[0] === corner);
  if (start === -1) throw new Error(`the text has no table that begins with “${corner}”`);
  const body = lines.slice(start + 2);
  const end = body.findIndex((line) => !line.startsWith('|'));
  const columns = cellsOf(lines[start] ?? '').slice(1);
  const rows = body.slice(0, end === -1 ? undefined : end).map((line) => {
    const [head = '', ...cells] = cellsOf(line);
    if (cells.length !== columns.length) throw new Error(`row “${head}” has ${cells.length} cells`);
    return [head, new Map(columns.map((column, index) => [column, cells[index] ?? '']))] as const;
  });
  return { columns, rows: new Map(rows) };
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}
