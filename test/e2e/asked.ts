/** The operations API, as an operator asks it. */
import type { ServiceProcess } from '../system/service-process.ts';

/** As much of the summary as tests look at. */
export interface Summary {
  readonly backlog: { readonly changes: number };
  readonly lanes: Readonly<Record<string, number>>;
  readonly breaker: { readonly state: string };
  readonly quota: { readonly limit: number | null; readonly used: number; readonly freesAt: string | null };
  readonly perMinute: readonly { readonly writes: number }[];
}

export async function summaryOf({ url }: ServiceProcess): Promise<Summary> {
  return (await (await fetch(`${url}/api/v1/summary`)).json()) as Summary;
}

/** Pauses or resumes processing. */
export function order(
  { url }: ServiceProcess,
  what: 'pause' | 'resume',
  of: 'flights' | 'all',
): Promise<Response> {
  return fetch(`${url}/api/v1/processing/${what}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ what: of }),
  });
}
