/**
 * The only source of chance in the simulator. Each purpose draws from a stream of its own, so that more faults, say,
 * do not change which node serves a request. (The generator is mulberry32: 32 bits of state, good enough to simulate.)
 */
export class SeededRandom {
  #state: number;

  constructor(seed: number, purpose = '') {
    this.#state = hash(`${seed}/${purpose}`);
  }

  /** Uniform in [0, 1). */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Uniform among 0 … count − 1. */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  /** Uniform in [min, max). */
  between(min: number, max: number): number {
    return min + this.fraction() * (max - min);
  }
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value;
}
