/** What an operator does, over HTTP: asks and decides. Answers are given as they come, with their status. */
import type { ServiceProcess } from '../system/service-process.ts';

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export interface ListedLetter {
  readonly id: string;
  readonly changeId: string;
  readonly state: string;
  readonly reason: string;
  readonly territoryId: string | null;
  readonly failedAt: string;
  readonly expiresAt: string | null;
}

export interface Operator {
  get(path: string): Promise<Answer>;
  post(path: string, body?: object): Promise<Answer>;
  /** All that are listed, the latest failure first. */
  letters(): Promise<readonly ListedLetter[]>;
}

export function operatorOf(service: Pick<ServiceProcess, 'url'>): Operator {
  const ask = async (path: string, options: RequestInit = {}): Promise<Answer> => {
    const answer = await fetch(`${service.url}/api/v1/${path}`, options);
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  return {
    get: (path) => ask(path),
    post: (path, body = {}) =>
      ask(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    letters: async () => (await ask('dead-letters?limit=200')).body['items'] as readonly ListedLetter[],
  };
}
