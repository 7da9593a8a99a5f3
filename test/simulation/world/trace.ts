/** What happened, in order: always as a hash, so that two runs can be compared; as lines only where somebody wants to read them. */
import { createHash } from 'node:crypto';
import type { Timeline } from './timeline.ts';

export class Trace {
  readonly lines: string[] = [];
  private readonly timeline: Timeline;
  private readonly keeps: 'lines' | 'hash';
  private readonly hash = createHash('sha256');
  private pending = '';

  constructor(timeline: Timeline, keeps: 'lines' | 'hash') {
    this.timeline = timeline;
    this.keeps = keeps;
  }

  note(what: string): void {
    const line = `${this.timeline.nowMs} ${what}\n`;
    this.pending += line;
    if (this.pending.length > 8192) this.flush();
    if (this.keeps === 'lines') this.lines.push(line.trimEnd());
  }

  /** To be called once, at the end. */
  digest(): string {
    this.flush();
    return this.hash.digest('hex');
  }

  private flush(): void {
    this.hash.update(this.pending);
    this.pending = '';
  }
}
