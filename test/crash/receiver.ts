/** Who receives, seen by who appends: RabbitMQ lets every consumer attach and delivers to one. */
import type { Instance } from './instance.ts';
import type { Point } from './points.ts';
import type { Stage } from './stage.ts';

export interface Watched {
  /** The last one to append since it was forgotten. */
  receiver(): Instance | undefined;
  /** Instances that wrote to the API or appended. */
  readonly worked: ReadonlySet<Instance>;
  forget(): void;
}

/** Watches instead of striking. */
export function watchWork(stage: Stage): Watched {
  let receiver: Instance | undefined;
  const worked = new Set<Instance>();
  const work: readonly Point[] = ['before append', 'before write'];
  stage.strike = (instance, point) => {
    if (work.includes(point)) worked.add(instance);
    if (point === 'before append' && !instance.isEnded) receiver = instance;
    return undefined;
  };
  return {
    receiver: () => receiver,
    worked,
    forget() {
      receiver = undefined;
      worked.clear();
    },
  };
}
