/**
 * The number of the form in which changes and memories are written. An older program leaves lanes alone in which there is
 * anything of a newer form; this one reads all forms up to its own.
 */
export const FORMAT = 1;
