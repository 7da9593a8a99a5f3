/** Runs plans on worker threads, one on each core. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { RunPlan } from '../plan.ts';
import type { RunResult } from '../run.ts';
import type { WorkerOptions } from './worker.ts';

interface Answer {
  readonly plan: RunPlan;
  readonly result: RunResult;
}

/**
 * Runs the plans in their order; `onResult` sees each result as it comes and answers whether to go on.
 * @param options of each thread; `threads` at most
 */
export async function runPlans(
  plans: Iterator<RunPlan>,
  onResult: (plan: RunPlan, result: RunResult) => 'go on' | 'stop',
  options: WorkerOptions & { readonly threads?: number } = {},
): Promise<void> {
  const threads = options.threads ?? availableParallelism();
  let isStopped = false;
  const work = async (): Promise<void> => {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { mutation: options.mutation } satisfies WorkerOptions,
    });
    try {
      for (let next = plans.next(); next.done !== true && !isStopped; next = plans.next()) {
        const { plan, result } = await ask(worker, next.value);
        if (onResult(plan, result) === 'stop') isStopped = true;
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: threads }, work));
}

function ask(worker: Worker, plan: RunPlan): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const answered = (answer: Answer): void => {
      worker.off('error', reject);
      resolve(answer);
    };
    worker.once('message', answered);
    worker.once('error', reject);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(plan);
  });
}
