/** The points at which an instance is struck: before and after each step that leaves something durable outside of it. */

/** In the order in which a change passes them. */
export const STEPS = ['append', 'settle', 'intents', 'write', 'complete', 'publish', 'forget'] as const;

/**
 * `append`, `intents`, `complete`, `forget`: a commit of the journal; `settle`: a disposition to the mesh; `write`: a write's request and its
 * answer; `publish`: an outcome event and its acceptance.
 */
export type Step = (typeof STEPS)[number];

/** Before: it was asked for, and nobody heard of it. After: it was done, and the instance did not hear of it. */
export type Point = `${'before' | 'after'} ${Step}`;

export const POINTS: readonly Point[] = STEPS.flatMap((step): Point[] => [`before ${step}`, `after ${step}`]);

/** An instance at a point: one message, which is kept back while it is struck, or has already gone on its way. */
export interface Sighting {
  readonly point: Point;
  readonly message: 'held' | 'passed';
}

/** What becomes of a held message when the blow is over. */
export type Verdict = 'pass' | 'drop';

/** Told of every sighting; a promise: something strikes, and nothing on this connection moves until it is over. */
export type Strike = (point: Point) => Promise<Verdict> | undefined;
