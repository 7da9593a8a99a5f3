/**
 * One of the two services that are compared: with metrics and logs as production has them by default, or with neither. It works over
 * AMQP and HTTP, against a mesh and a territory API in a process of their own.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { startService, type Monitoring } from './service.ts';
import type { Order } from './world-process.ts';

export interface Contender {
  /** Works off so many changes, and has its metrics read where it has any. Microseconds of processor time per change. */
  turn(): Promise<number>;
  /** Resolves with the number of lines that it has logged. */
  stop(): Promise<number>;
}

setFlagsFromString('--expose-gc');
const sweep = runInNewContext('gc') as () => void;

/** @param changes of each turn */
export async function startContender(kind: Monitoring, changes: number): Promise<Contender> {
  const world = fork(new URL('world-process.ts', import.meta.url), [String(changes)]);
  const service = await startService((await answerOf(world)) as Record<string, string>, kind);
  const { metricsUrl } = service;
  const round: Order = { what: 'publish', ...(metricsUrl !== undefined && { metricsUrl }) };
  return {
    async turn() {
      sweep();
      const before = process.cpuUsage();
      world.send(round);
      await answerOf(world);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / changes;
    },
    async stop() {
      await service.stop();
      world.send({ what: 'stop' } satisfies Order);
      await once(world, 'exit');
      return service.linesLogged();
    },
  };
}

/** @throws where the process ends instead */
async function answerOf(world: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const { signal } = ended;
  const answer = once(world, 'message', { signal }).then(([message]: unknown[]) => message);
  const exit = once(world, 'exit', { signal }).then(() => {
    throw new Error('the process of the mesh and the API has ended: what it wrote says why');
  });
  try {
    return await Promise.race([answer, exit]);
  } finally {
    ended.abort();
    await Promise.allSettled([answer, exit]);
  }
}
