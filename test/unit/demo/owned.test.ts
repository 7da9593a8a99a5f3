import { describe, expect, it } from 'vitest';
import { createOwned, EndedError } from '../../demo/owned.ts';

/** Something that notes when it is ended. */
function parts() {
  const ended: string[] = [];
  const end = async (name: string) => void ended.push(name);
  return { ended, end };
}

describe('what the demo has started', () => {
  it('is ended in reverse order, each once', async () => {
    const owned = createOwned();
    const { ended, end } = parts();
    await owned.own(async () => 'mesh', end);
    await owned.own(async () => 'service', end);
    await owned.end();
    await owned.end();
    expect(ended).toEqual(['service', 'mesh']);
    expect(owned.signal.aborted).toBe(true);
  });

  it('is ended even when the end comes while it is still starting', async () => {
    const owned = createOwned();
    const { ended, end } = parts();
    const start = Promise.withResolvers<string>();
    const starting = owned.own(() => start.promise, end);
    const ending = owned.end();
    start.resolve('service');
    await Promise.all([starting, ending]);
    expect(ended).toEqual(['service']);
  });

  it('is ended although ending something else failed, which is told', async () => {
    const owned = createOwned();
    const { ended, end } = parts();
    await owned.own(async () => 'mesh', end);
    await owned.own(
      async () => 'service',
      async () => {
        throw new Error('would not stop');
      },
    );
    await expect(owned.end()).rejects.toThrow('would not stop');
    expect(ended).toEqual(['mesh']);
  });

  it('is not ended where it did not start, and nothing starts after the end', async () => {
    const owned = createOwned();
    const { ended, end } = parts();
    const failing = owned.own(async (): Promise<string> => {
      throw new Error('port taken');
    }, end);
    await expect(failing).rejects.toThrow('port taken');
    await owned.end();
    await expect(owned.own(async () => 'late', end)).rejects.toThrow(EndedError);
    expect(ended).toEqual([]);
  });
});
