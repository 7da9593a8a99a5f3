/**
 * The composition: the one place that knows which adapter stands behind which port. Whoever hands in ports of his own,
 * as a simulation does, gets the same program on them.
 */
import { openDesk } from './app/desk.ts';
import { DestinationAtStart, type DestinationLookUp } from './app/destination-at-start.ts';
import { createEnd } from './app/ending.ts';
import { observation, type AppObservation } from './app/observation.ts';
import { readinessOf } from './app/readiness.ts';
import type { Application } from './config/application.ts';
import type { Settings } from './config/settings.ts';
import type { OutcomeKind } from './events/outcome.ts';
import type { Readiness } from './http/health.ts';
import type { Operations } from './http/operations/index.ts';
import { summarySource } from './http/operations/summary-source.ts';
import type {
  Journal,
  LetterBook,
  OperatedJournal,
  RetainingJournal,
  SharedQuota,
  SharedSwitches,
  SharedTally,
} from './journal/port.ts';
import type { ApiBudget } from './lanes/api-budget.ts';
import { createArrivals } from './lanes/arrivals.ts';
import { auditLog } from './lanes/audit.ts';
import { BatchSteering } from './lanes/batch-steering.ts';
import { Blame } from './lanes/blame.ts';
import { Breaker } from './lanes/breaker.ts';
import { Dispatcher } from './lanes/dispatcher.ts';
import { BulkReads } from './lanes/bulk-read.ts';
import { createEndings } from './lanes/ending.ts';
import { holdsSuspect } from './lanes/flight.ts';
import { Intake } from './lanes/intake.ts';
import { JournalLaneDesk } from './lanes/lane-desk.ts';
import { LockWaits } from './lanes/lock-waits.ts';
import { flyLocked, type LockedFlightDeps } from './lanes/locked-flight.ts';
import { OutboxPublisher } from './lanes/outbox-publisher.ts';
import { ownEtagRule } from './lanes/own-etags.ts';
import { Processing } from './lanes/processing.ts';
import { QuotaShare } from './lanes/quota-share.ts';
import { PropagationEstimate } from './lanes/propagation-estimate.ts';
import { isSoleReceiver } from './lanes/receiver-gate.ts';
import { Receiving } from './lanes/receiving.ts';
import { RetentionKeeper } from './lanes/retention-keeper.ts';
import { retentionRules } from './lanes/retention-rules.ts';
import { longestRetryMs } from './lanes/retry-policy.ts';
import { Suspects } from './lanes/suspects.ts';
import { noLocks } from './lock/none.ts';
import type { TerritoryLocks } from './lock/port.ts';
import type { Mesh } from './mesh/port.ts';
import { tellingBoth, type Activity, type ActivityRecord } from './monitor/activity.ts';
import type { Incidents } from './monitor/alerts/watch.ts';
import { BacklogSampler } from './monitor/backlog-sampler.ts';
import { correlatedFlights } from './monitor/correlated-flights.ts';
import { countedApi } from './monitor/counted-api.ts';
import { countedFlights } from './monitor/counted-flights.ts';
import { countedJournal } from './monitor/counted-journal.ts';
import { Liveness, type LivenessCheck } from './monitor/liveness.ts';
import { SharedActivity } from './monitor/shared-activity.ts';
import { countedPublishing } from './monitor/counted-publishing.ts';
import { unmeasured } from './monitor/measured.ts';
import type { Metrics } from './monitor/metrics/metrics.ts';
import { tracedAppend } from './monitor/traces/traced-journal.ts';
import { tracedPublishing } from './monitor/traces/traced-publishing.ts';
import type { Traces } from './monitor/traces/traces.ts';
import { watchedJournal } from './monitor/watched-journal.ts';
import type { Clock } from './platform/clock.ts';
import { correlatedLog } from './platform/correlation.ts';
import type { Log } from './platform/log.ts';
import type { Random } from './platform/random.ts';
import type { TerritoryApi } from './territory-api/port.ts';

/** Everything outside the program that it depends on. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly mesh: Mesh;
  readonly journal: Journal & OperatedJournal;
  /** A durable journal forgets by age. */
  readonly retaining?: RetainingJournal;
  /** The dead letters, where the journal keeps them; else they live on their queue. */
  readonly letters?: LetterBook;
  /** What is paused for all instances, where several share the journal. */
  readonly switches?: SharedSwitches;
  /** What all of them have used of the API's quota. */
  readonly quota?: SharedQuota;
  /** What all instances counted, where several share the journal. */
  readonly tally?: SharedTally;
  readonly api: TerritoryApi;
  /** Looked up at the start; absent: `api` needs none. */
  readonly destination?: DestinationLookUp;
  /** Absent: territories are not locked. */
  readonly locks?: TerritoryLocks;
  /** Where it is counted what the program does; whoever makes `api` tells both of every request. */
  readonly activity: ActivityRecord;
  /** Who is told of it: the record and whoever else counts; absent: the record alone. */
  readonly told?: Activity;
  readonly budget: ApiBudget;
  /** Who is told at once of what is worth an alert; absent: nobody. */
  readonly incidents?: Incidents;
  /** Absent: only what the summary shows is counted. */
  readonly metrics?: Metrics;
  /** Absent: nothing is traced. */
  readonly traces?: Traces;
}

export interface App {
  start(): void;
  /** Starts and receives nothing new, so that others can at once; `stop` does so too. */
  letGo(): Promise<void>;
  /** Lets running flights end and their outcomes be published, then closes the mesh. */
  stop(): Promise<void>;
  readiness(): Readiness;
  /** Down only where a restart helps. */
  readonly liveness: () => LivenessCheck;
  /** What an operator can ask and decide. */
  readonly operations: Operations;
  /** What alerts are judged by. */
  readonly observe: () => Promise<AppObservation>;
}

/** Share of the shutdown time for flights, and for what they still have to publish. */
const FLIGHTS_SHARE = 0.6;
const OUTBOX_SHARE = 0.2;

export function createApp(settings: Settings, application: Application, ports: Ports): App {
  const { clock, log, mesh, activity, budget, locks = noLocks, traces, incidents } = ports;
  const measurements = ports.metrics?.instruments ?? unmeasured;
  const counting = ports.told ?? activity;
  const shared =
    ports.tally && new SharedActivity({ tally: ports.tally, clock, conflicts: settings.conflicts });
  if (shared) activity.showShared(shared);
  const told = shared ? tellingBoth(counting, shared) : counting;
  const toldOfChanges = {
    received: (changes: number) => told.received(changes),
    ended(outcome: OutcomeKind, durationMs?: number) {
      told.ended(outcome, durationMs);
      if (outcome === 'failed') incidents?.happened('DeadLetter', 1, '');
    },
  };
  const counted = countedJournal(ports.journal, { activity: toldOfChanges, measurements, clock });
  const liveness = new Liveness(clock);
  const journal = watchedJournal(
    traces ? { ...counted, append: tracedAppend(counted, traces) } : counted,
    liveness,
  );
  const api = countedApi(ports.api, measurements);
  const onExpiring = (count: number, when: string): void =>
    incidents?.happened('DeadLetterExpiring', count, `${count} expire ${when}`);
  const backlog = new BacklogSampler({ journal, activity: told, clock });
  const retention =
    ports.retaining &&
    new RetentionKeeper({
      ...ports,
      journal: ports.retaining,
      rules: retentionRules(settings),
      onExpiring,
    });
  const endings = createEndings({
    sender: { source: application.source, eventTypePrefix: settings.events.typePrefix },
    successTopic: settings.mesh.successTopic,
    failureTopic: settings.mesh.failureTopic,
    deadLetterQueue: settings.mesh.deadLetterQueue,
    onDeadLetter: settings.policy.onDeadLetter,
    clock,
  });

  const { lookup, keyType } = settings.territory;
  const inbound = {
    queue: settings.mesh.queue,
    eventType: settings.events.inboundType,
    // What ids are looked up by is a text.
    keyType: lookup === undefined ? keyType : ('string' as const),
  };
  const intake = new Intake({ journal, clock, log, arrivals: createArrivals(inbound, endings) });
  const publishing = countedPublishing(traces ? tracedPublishing(mesh, traces) : mesh, measurements, clock);
  const outbox = new OutboxPublisher({
    journal,
    mesh: publishing,
    clock,
    log,
    onRefused: (reason) => incidents?.happened('OutcomeRefused', 1, reason),
  });
  const subscription = mesh.subscribe({ queue: settings.mesh.queue, ...settings.intake }, intake);
  const receiving = new Receiving(subscription);
  intake.bind(subscription, receiving);

  const audit = auditLog(log, clock);
  const operated = ports.journal;
  const desk = { journal, operated, clock, log, audit, endings, inbound, onExpiring };
  const { deadLetters, held } = openDesk(settings, ports, desk);
  const processing = new Processing({
    receiving,
    wake: () => dispatcher.wake(),
    received: () => held?.resume(),
    flown: () => quota.lift(),
    audit,
    log,
    ...(ports.switches && { shared: ports.switches }),
  });
  const lanes = new JournalLaneDesk({
    journal: operated,
    deadLetters,
    instance: `instance ${application.instanceIndex}`,
    audit,
  });

  const embedded = journal.durability === 'queue';
  const gate = (): boolean => {
    if (processing.paused().flights || !quota.isKnown || budget.exhausted) return false;
    if (locks.check()?.status === 'DOWN') return false;
    if (!embedded) return true;
    return isSoleReceiver({
      nowMs: clock.monotonicMs(),
      lastFrameAtMs: mesh.status().lastFrameAtMs,
      receivingSinceMs: intake.receivingSinceMs,
      takeoverWaitMs: settings.takeover.waitMs,
    });
  };

  const batch = new BatchSteering(
    {
      start: settings.batch.size,
      max: settings.batch.sizeMax,
      conflictRate: settings.conflicts.alertRate,
      windowMs: settings.conflicts.windowS * 1000,
    },
    clock,
  );
  const breaker = new Breaker({
    api,
    clock,
    log,
    probeIntervalMs: settings.territory.probeIntervalMs,
    // A refused change is flown again after its longest wait; one such flight may be missed.
    writesAgainWithinMs: 2 * longestRetryMs(settings.retry) + settings.territory.timeoutMs,
    onClosed: () => dispatcher.wake(),
    onQuota: (waitMs) => quota.paused(waitMs),
  });
  const quota = new QuotaShare({
    budget,
    breaker,
    clock,
    log,
    onKnown: () => dispatcher.wake(),
    ...(ports.quota && { shared: ports.quota }),
  });
  const flightDeps: LockedFlightDeps = {
    ...ports,
    log: correlatedLog(log),
    api: batch.watch(api),
    journal,
    locks,
    waits: new LockWaits(),
    lockMs: settings.lock.ttlS * 1000,
    requestMs: settings.territory.timeoutMs,
    onWaited: (waitMs) => told.lockTaken(waitMs),
    blame: new Blame(),
    suspects: new Suspects(settings.territory.concurrency),
    reads: new BulkReads(settings.territory.concurrency),
    propagation: new PropagationEstimate(settings.propagation),
    endChange: endings.endChange,
    rules: {
      retry: settings.retry,
      onOverlap: settings.policy.onOverlap,
      onDeadLetter: settings.policy.onDeadLetter,
      propagation: settings.propagation,
      ownEtags: ownEtagRule(settings.policy.onOverlap),
      doubtLastsMs: settings.lease.ttlS * 1000 + 2 * settings.territory.timeoutMs,
      ...(settings.territory.atomic && { transactions: { maxRecords: settings.batch.sizeMax } }),
    },
  };
  const dispatcher = new Dispatcher({
    journal,
    clock,
    log,
    breaker,
    fly: correlatedFlights(
      countedFlights(
        (lanes, limit: number, maySend: () => boolean, signal: AbortSignal) =>
          liveness.within(flightLimitMs(settings), 'a flight', () =>
            flyLocked(lanes, limit, flightDeps, maySend, signal),
          ),
        { activity: told, measurements, clock, ...(traces && { traces }) },
      ),
      flightDeps.log,
    ),
    isSlow: (lane) => holdsSuspect(lane, flightDeps),
    concurrency: settings.territory.concurrency,
    batchSize: () => batch.size,
    perRequest: () => ports.api.perRequest,
    leaseMs: settings.lease.ttlS * 1000,
    requestMs: settings.territory.timeoutMs,
    gate,
  });
  const readiness = (): Readiness =>
    readinessOf({
      mode: embedded ? 'embedded' : 'journal',
      mesh,
      breaker,
      locks,
      isPaused: () => processing.paused().intake,
      isAttached: () => intake.isAttached,
    });
  // For as long as the process lives, as both of them do.
  locks.onAvailable(() => dispatcher.wake());
  mesh.onStateChange(() => incidents?.stir());
  ports.metrics?.watch({
    known: () => ({
      conflictRate: activity.figures().conflicts.rate,
      batchSize: batch.size,
      breaker: breaker.state,
      budgetUsedRatio: budget.limit === undefined ? undefined : budget.used / budget.limit,
    }),
    journal: () => journal.figures(),
    deadLetters: async () => (await deadLetters.counts()).open,
  });
  const summary = summarySource({
    clock,
    readiness,
    journal,
    deadLetters,
    processing,
    activity,
    breaker,
    mesh,
    batchSize: () => batch.size,
    budget,
  });
  const destinationAtStart = new DestinationAtStart({ destination: ports.destination, breaker, log });
  const timeoutMs = settings.shutdown.timeoutS * 1000;
  const end = createEnd({
    clock,
    log,
    startNoFlight: () => dispatcher.startNoMore(),
    takeNoMore() {
      receiving.hold('stop');
      return intake.stop();
    },
    handOver: embedded ? undefined : () => subscription.handOver(),
    finish: [
      () => dispatcher.stop(timeoutMs * FLIGHTS_SHARE),
      () => outbox.stop(timeoutMs * OUTBOX_SHARE),
      () => processing.stop(),
      () => quota.stop(),
      () => retention?.stop(),
      () => shared?.stop(),
    ],
    close: [() => intake.close(), () => held?.close(), () => mesh.stop()],
  });
  return {
    start() {
      if (settings.start.paused) {
        // The version that still runs keeps its dead letters too.
        processing.startPaused();
        held?.pause();
      }
      processing.follow();
      quota.start();
      mesh.start();
      held?.start();
      dispatcher.start();
      void destinationAtStart.start();
      outbox.start();
      backlog.start();
      shared?.start();
      retention?.start();
    },
    letGo: () => end.letGo(),
    stop() {
      backlog.stop();
      destinationAtStart.stop();
      breaker.stop();
      return end.stop();
    },
    readiness,
    liveness: () => liveness.check(),
    operations: { deadLetters, lanes, processing, summary },
    observe: observation({
      clock,
      operated,
      activity,
      backlog,
      breaker,
      budget,
      mesh,
      locks,
      deadLetters,
    }),
  };
}

/** A search for culprits sends at most twice as many requests as there are records; a read and some slack beside them. */
function flightLimitMs({ batch, territory }: Settings): number {
  return (2 * batch.sizeMax + 10) * Math.max(1000, territory.timeoutMs);
}
