/** The watch and the teller on a simulated clock, over a state that a test sets, with a channel that keeps what it was sent. */
import { MemoryAlertBook } from '../../../../srv/alerts/memory-book.ts';
import type { AlertBook, AlertNotice, NoticeResult } from '../../../../srv/alerts/port.ts';
import { logChannel } from '../../../../srv/alerts/log-channel.ts';
import { noticeOf } from '../../../../srv/monitor/alerts/notice.ts';
import type { Observed } from '../../../../srv/monitor/alerts/observed.ts';
import { AlertTeller } from '../../../../srv/monitor/alerts/teller.ts';
import { AlertWatch } from '../../../../srv/monitor/alerts/watch.ts';
import { ManualClock } from '../../../doubles/manual-clock.ts';
import { createRecordingLog } from '../../../doubles/recording-log.ts';

export type State = { -readonly [Part in keyof Omit<Observed, 'happened'>]: Observed[Part] };

/** Everything is well, and nothing to do. */
export function wellState(clock: ManualClock): State {
  const up = { status: 'UP', since: clock.now() } as const;
  return {
    conflicts: { rate: 0, writes: 0, conflicted: 0, windowSeconds: 300, alert: false },
    api: { state: 'closed', trouble: undefined },
    budget: { limit: 1000, used: 0 },
    mesh: { state: 'open', since: clock.now() },
    lock: up,
    journal: up,
    queue: up,
    backlog: { minutes: [], oldestAgeMs: undefined },
    deadLetters: 0,
    held: { count: 0, territories: [] },
  };
}

export interface StageOptions {
  readonly clock?: ManualClock;
  readonly book?: AlertBook;
  readonly instance?: string;
  readonly state?: State;
}

export function alertStage(options: StageOptions = {}) {
  const clock = options.clock ?? new ManualClock();
  const book = options.book ?? new MemoryAlertBook(clock);
  const state = options.state ?? wellState(clock);
  const log = createRecordingLog();
  const sent: (AlertNotice & { readonly atS: number })[] = [];
  const startedAtMs = clock.monotonicMs();
  const channel = { name: 'The channel', answer: { kind: 'accepted' } as NoticeResult, calls: 0 };
  const teller = new AlertTeller({
    book,
    log: logChannel(log),
    channel: {
      name: channel.name,
      async send(notice) {
        channel.calls += 1;
        if (channel.answer.kind === 'accepted') {
          sent.push({ ...notice, atS: Math.round((clock.monotonicMs() - startedAtMs) / 1000) });
        }
        return channel.answer;
      },
    },
    notice: (record) =>
      noticeOf(record, { application: 'app', space: 'dev', consoleUrl: 'https://console.example' }),
    clock,
    random: { fraction: () => 0, uuid: () => '' },
    lines: log,
  });
  const watch = new AlertWatch({
    book,
    observe: async () => state,
    tell: () => void teller.tell(),
    instance: options.instance ?? '0 first',
    raiseAfterMs: { MeshDisconnected: 60_000 },
    clock,
    log,
  });
  return {
    clock,
    state,
    log,
    sent,
    channel,
    watch,
    /** `status eventType[/territory]` of each notice sent, without what all have. */
    story: () =>
      sent.map(
        ({ status, eventType, territory }) =>
          `${status} ${eventType.replace('TerritorySync', '')}${territory === undefined ? '' : `/${territory}`}`,
      ),
    elapse: (seconds: number) => clock.elapse(seconds * 1000),
    async stop() {
      await watch.stop();
      await teller.stop();
    },
  };
}
