/** The cells of SPEC.md's table of faults: which fault strikes in which state, and which cannot. */
import { reasonLetters, specTable } from '../../unit/mesh/spec-tables.ts';

export const STATES = [
  'idle',
  'connecting',
  'open',
  'renewing',
  'renewing (closing)',
  'waiting',
  'waiting (closing)',
  'stopping',
  'stopping (closing)',
  'stopped',
] as const;

export type StateName = (typeof STATES)[number];

export const FAULTS = [
  'TCP dropped',
  'half-open',
  'upgrade refused: 401',
  'upgrade refused: 403',
  'upgrade refused: 404',
  'upgrade refused: 429',
  'upgrade refused: 503',
  'upgrade hangs',
  'AMQP Open hangs',
  'link detached',
  'session ended',
  'broker restarts',
  'token endpoint down',
  'token endpoint slow',
  'token endpoint wrong',
] as const;

export type FaultName = (typeof FAULTS)[number];

export interface Cell {
  readonly fault: FaultName;
  readonly state: StateName;
}

const cells = new Map(
  specTable('Faults').map((row) => [
    row['fault'] ?? '',
    new Map(STATES.map((state) => [state, row[state] ?? ''])),
  ]),
);

/** `×`, or the letter of the reason why it is impossible. */
export function markOf({ fault, state }: Cell): string {
  return cells.get(fault)?.get(state) ?? '';
}

export const possible: readonly Cell[] = FAULTS.flatMap((fault) =>
  STATES.map((state) => ({ fault, state })).filter((cell) => markOf(cell) === '×'),
);

/** What is wrong with the table itself: faults nobody strikes, cells without a mark, reasons that are not given. */
export function tableFaults(): readonly string[] {
  const letters = reasonLetters();
  return [
    ...[...cells.keys()]
      .filter((name) => !FAULTS.some((fault) => fault === name))
      .map((name) => `nobody strikes ${name}`),
    ...FAULTS.flatMap((fault) =>
      STATES.map((state) => ({ fault, state }))
        .filter((cell) => markOf(cell) !== '×' && !letters.has(markOf(cell)))
        .map((cell) => `no mark for ${cell.fault} in ${cell.state}`),
    ),
  ];
}

/** The table with what was counted in place of ×. */
export function printTable(count: (cell: Cell) => number): string {
  const short = STATES.map((state) => state.replace(' (closing)', ' c.'));
  const width = Math.max(...FAULTS.map((fault) => fault.length));
  const line = (name: string, values: readonly string[]): string =>
    [name.padEnd(width), ...values.map((value, index) => value.padStart(short[index]?.length ?? 0))].join(
      '  ',
    );
  return [
    line('struck (c.: closing)', short),
    ...FAULTS.map((fault) =>
      line(
        fault,
        STATES.map((state) =>
          markOf({ fault, state }) === '×' ? String(count({ fault, state })) : markOf({ fault, state }),
        ),
      ),
    ),
  ].join('\n');
}
