/** A thread that simulates: it is sent plans, one at a time, and answers with their results. */
import { parentPort, workerData } from 'node:worker_threads';
import { installMutation, type Mutation } from '../mutations/install.ts';
import type { RunPlan } from '../plan.ts';
import type { RunResult } from '../run.ts';

export interface WorkerOptions {
  /** The program is broken in this way first. */
  readonly mutation?: Mutation;
}

const { mutation } = (workerData ?? {}) as WorkerOptions;
if (mutation) installMutation(mutation);
const { simulate } = await import('../run.ts');

parentPort?.on('message', (plan: RunPlan) => void answer(plan));

async function answer(plan: RunPlan): Promise<void> {
  const result = await simulate(plan).catch(failed);
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
  parentPort?.postMessage({ plan, result });
}

/** The simulation itself does not work, or something threw that nobody contained. */
function failed(error: unknown): RunResult {
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const violation = { rule: 'run-failed', message };
  return { violation, hash: '', steps: 0, changes: 0, lastedMs: 0, faults: {}, trace: [] };
}
