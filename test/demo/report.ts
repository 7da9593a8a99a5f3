/** The report: two measured columns beside two published ones, what the check says, and under which rules this holds. */
import { isFlawless, type Findings } from '../system/checker.ts';
import type { Figures } from './figures.ts';

export interface Report {
  readonly service: Figures;
  readonly naive: Figures;
  /** How the case and the simulator were set up, one line each. */
  readonly rules: readonly string[];
  readonly seed: number;
}

interface Row {
  readonly label: string;
  readonly measured: (figures: Figures) => string;
  readonly before?: string;
  readonly after?: string;
}

const HEADINGS = ['', 'territory-sync', 'naive client', 'published before', 'published after'] as const;
const UNKNOWN = '–';

const ROWS: readonly Row[] = [
  { label: 'changes published', measured: ({ published }) => `${published}`, after: '500' },
  { label: 'ended: applied', measured: ({ outcomes }) => `${outcomes.applied}` },
  { label: 'ended: superseded', measured: ({ outcomes }) => `${outcomes.superseded}` },
  { label: 'ended: unchanged', measured: ({ outcomes }) => `${outcomes.unchanged}` },
  { label: 'ended: failed', measured: ({ outcomes }) => `${outcomes.failed}` },
  { label: 'not ended', measured: ({ notEnded }) => `${notEnded}` },
  { label: 'failures', measured: ({ failureRate }) => percent(failureRate), before: '30 %', after: '< 1 %' },
  { label: 'record writes sent', measured: ({ recordWrites }) => `${recordWrites}` },
  { label: 'API requests', measured: ({ apiRequests }) => `${apiRequests}` },
  { label: 'API requests per change', measured: ({ requestsPerChange }) => requestsPerChange.toFixed(2) },
  { label: 'conflict rate of record writes', measured: ({ conflictRate }) => percent(conflictRate) },
  {
    label: 'first publish to last outcome',
    measured: ({ elapsedMs }) => `${(elapsedMs / 1000).toFixed(1)} s`,
    after: '8 min',
  },
  { label: 'order violations', measured: ({ findings }) => `${findings.outOfOrder}` },
  { label: 'lost updates', measured: ({ findings }) => `${findings.lost}` },
  { label: 'foreign fields overwritten', measured: ({ findings }) => `${findings.overwrittenForeign}` },
  { label: 'blind writes', measured: ({ findings }) => `${findings.blindWrites}` },
];

/** The whole report as text, several lines. */
export function renderReport({ service, naive, rules, seed }: Report): string {
  return [
    table(service, naive),
    '',
    `territory-sync ${verdict(service.findings)}`,
    `naive client   ${verdict(naive.findings)}`,
    '',
    'The check reads only the history that the API keeps itself and the outcome events on the mesh.',
    'Published before and after: figures published of another system on another API, not measured here.',
    'The measured figures depend on the rules of the simulator, another API would give others:',
    ...rules.map((rule) => `  ${rule}`),
    `  Others wrote ${foreign(service)} and ${foreign(naive)} as often as each client. The same case again: --seed ${seed}`,
  ].join('\n');
}

/** True if the demo has shown what it is to show: the service without a fault, and a check that finds the naive client's. */
export function isProven({ service, naive }: Pick<Report, 'service' | 'naive'>): boolean {
  return isFlawless(service.findings) && !isFlawless(naive.findings);
}

function table(service: Figures, naive: Figures): string {
  const cells = ROWS.map(({ label, measured, before = UNKNOWN, after = UNKNOWN }) => [
    label,
    measured(service),
    measured(naive),
    before,
    after,
  ]);
  const widths = HEADINGS.map((heading, column) =>
    Math.max(heading.length, ...cells.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ');
  return [line(HEADINGS), widths.map((width) => '─'.repeat(width)).join('──'), ...cells.map(line)].join('\n');
}

function verdict(found: Findings): string {
  if (isFlawless(found))
    return `passes the check: ${found.ended} of ${found.published} ended, no fault found`;
  const faults = [
    [found.published - found.ended, 'not ended'],
    [found.failed, 'failed'],
    [found.contradictions, 'with contradicting outcomes'],
    [found.outOfOrder, 'out of order'],
    [found.lost, 'lost'],
    [found.overwrittenForeign, 'foreign fields overwritten'],
    [found.blindWrites, 'blind writes'],
  ] as const;
  const named = faults.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  return `fails the check: ${named.join(', ')}`;
}

/** Foreign writes for each record write of the client. */
function foreign({ foreignWrites, recordWrites }: Figures): string {
  return percent(foreignWrites / Math.max(1, recordWrites));
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
