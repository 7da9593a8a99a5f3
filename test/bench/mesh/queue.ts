/** Name of the queue on the sandbox. */
export const QUEUE = 'default/territory/sync/changes';
