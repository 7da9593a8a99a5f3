/** Shows how a run gets on: a bar where somebody watches a terminal, else a plain line every few seconds. */
import { SingleBar } from 'cli-progress';

const BAR_EVERY_MS = 200;
const LINE_EVERY_MS = 2000;

/** Where progress and report go; `process.stdout`, or what a test looks at. */
export type ProgressOutput = NodeJS.WritableStream & { readonly isTTY?: boolean };

export interface Snapshot {
  /** Changes with an outcome. */
  readonly ended: number;
  readonly elapsedMs: number;
  /** Record writes sent, and those of them refused because of the version. */
  readonly writes: number;
  readonly conflicts: number;
}

export interface ProgressOptions {
  readonly title: string;
  /** Changes to come. */
  readonly total: number;
  readonly output: ProgressOutput;
}

/** Who starts it stops it; its last state then stays to be read. */
export function startProgress(
  { title, total, output }: ProgressOptions,
  look: () => Snapshot,
): { stop(): void } {
  const show = output.isTTY ? barOn(output, title, total) : linesOn(output, title, total);
  const timer = setInterval(() => show.update(look()), output.isTTY ? BAR_EVERY_MS : LINE_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      show.end(look());
    },
  };
}

interface Show {
  update(snapshot: Snapshot): void;
  end(snapshot: Snapshot): void;
}

function barOn(output: ProgressOutput, title: string, total: number): Show {
  const bar = new SingleBar({
    stream: output,
    format: `${title} {bar} {figures}`,
    barsize: 28,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    // The demo itself ends in order on Ctrl-C.
    gracefulExit: false,
  });
  bar.start(total, 0, { figures: '' });
  const update = (snapshot: Snapshot) => bar.update(snapshot.ended, { figures: figures(snapshot, total) });
  return {
    update,
    end(snapshot) {
      update(snapshot);
      bar.stop();
    },
  };
}

function linesOn(output: ProgressOutput, title: string, total: number): Show {
  const update = (snapshot: Snapshot) => void output.write(`${title} ${figures(snapshot, total)}\n`);
  return { update, end: update };
}

/** For example `312/500 changes  45/s  280 writes  3 conflicts  6 s`. */
export function figures({ ended, elapsedMs, writes, conflicts }: Snapshot, total: number): string {
  const perSecond = elapsedMs > 0 ? (ended / elapsedMs) * 1000 : 0;
  return [
    `${String(ended).padStart(String(total).length)}/${total} changes`,
    `${perSecond.toFixed(0).padStart(3)}/s`,
    `${String(writes).padStart(3)} writes`,
    `${String(conflicts).padStart(3)} conflicts`,
    `${(elapsedMs / 1000).toFixed(0).padStart(2)} s`,
  ].join('  ');
}
