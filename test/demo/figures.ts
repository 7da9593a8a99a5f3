/** From a run to the figures by which two runs are compared. */
import type { Findings } from '../system/checker.ts';
import { conflictsOf, type Play } from './play.ts';

export interface Figures {
  readonly published: number;
  /** Changes by their outcome; one with several counts for each. */
  readonly outcomes: Readonly<Record<'applied' | 'unchanged' | 'superseded' | 'failed', number>>;
  readonly notEnded: number;
  /** Share of the published changes that failed, 0 to 1. */
  readonly failureRate: number;
  /** Record writes sent, whatever became of them. */
  readonly recordWrites: number;
  readonly apiRequests: number;
  readonly requestsPerChange: number;
  /** Share of the record writes that were refused because of the version, 0 to 1. */
  readonly conflictRate: number;
  readonly foreignWrites: number;
  readonly elapsedMs: number;
  readonly findings: Findings;
}

export function figuresOf({ outcomes, stats, findings, elapsedMs }: Play): Figures {
  const { published } = findings;
  const count = (outcome: keyof Figures['outcomes']) =>
    new Set(outcomes.filter(({ data }) => data.outcome === outcome).map(({ data }) => data.change.id)).size;
  return {
    published,
    outcomes: {
      applied: count('applied'),
      unchanged: count('unchanged'),
      superseded: count('superseded'),
      failed: count('failed'),
    },
    notEnded: published - findings.ended,
    failureRate: share(findings.failed, published),
    recordWrites: stats.writes,
    apiRequests: stats.requests,
    requestsPerChange: share(stats.requests, published),
    conflictRate: share(conflictsOf(stats), stats.writes),
    foreignWrites: stats.foreignWrites,
    elapsedMs,
    findings,
  };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
