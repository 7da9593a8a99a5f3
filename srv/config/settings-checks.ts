/** Settings that are right alone and wrong together. */
import { shown } from './problems.ts';
import type { Settings } from './settings-groups.ts';
import type { SettingName } from './settings-table.ts';

interface Check {
  /** Not made where one of them is wrong by itself. */
  readonly names: readonly SettingName[];
  /** A line if the combination is wrong. */
  readonly problem: (settings: Settings, postgres: boolean) => string | false;
}

const CHECKS: readonly Check[] = [
  {
    names: ['LEASE_TTL_S', 'TERRITORY_TIMEOUT_MS'],
    // A flight renews its lease between requests, so the lease must outlast one request.
    problem: ({ lease, territory }) =>
      lease.ttlS * 1000 <= territory.timeoutMs &&
      `LEASE_TTL_S is ${lease.ttlS} and TERRITORY_TIMEOUT_MS is ${territory.timeoutMs}: a lease must outlast one ` +
        `request; raise LEASE_TTL_S above ${territory.timeoutMs / 1000} or lower TERRITORY_TIMEOUT_MS.`,
  },
  {
    names: ['LOCK_TTL_S', 'TERRITORY_TIMEOUT_MS'],
    problem: ({ lock, territory }) =>
      lock.ttlS * 1000 <= territory.timeoutMs &&
      `LOCK_TTL_S is ${lock.ttlS} and TERRITORY_TIMEOUT_MS is ${territory.timeoutMs}: a lock must outlast one ` +
        `request; raise LOCK_TTL_S above ${territory.timeoutMs / 1000} or lower TERRITORY_TIMEOUT_MS.`,
  },
  {
    names: ['BATCH_SIZE', 'BATCH_SIZE_MAX'],
    problem: ({ batch }) =>
      batch.size > batch.sizeMax &&
      `BATCH_SIZE is ${batch.size} and BATCH_SIZE_MAX is ${batch.sizeMax}: the first must not be the larger one.`,
  },
  {
    names: ['PROPAGATION_MIN_MS', 'PROPAGATION_MAX_MS'],
    problem: ({ propagation }) =>
      propagation.minMs > propagation.maxMs &&
      `PROPAGATION_MIN_MS is ${propagation.minMs} and PROPAGATION_MAX_MS is ${propagation.maxMs}: the first must ` +
        'not be the larger one.',
  },
  {
    names: ['RETRY_FIRST_DELAY_MS', 'RETRY_MAX_DELAY_MS'],
    problem: ({ retry }) =>
      retry.firstDelayMs > retry.maxDelayMs &&
      `RETRY_FIRST_DELAY_MS is ${retry.firstDelayMs} and RETRY_MAX_DELAY_MS is ${retry.maxDelayMs}: the first must ` +
        'not be the larger one.',
  },
  {
    names: ['ON_DEAD_LETTER'],
    // A held lane keeps its later changes for as long as a person needs; the embedded journal has no place for them.
    problem: ({ policy }, postgres) =>
      policy.onDeadLetter === 'hold' &&
      !postgres &&
      'ON_DEAD_LETTER is "hold" and no PostgreSQL is bound: a held lane needs the PostgreSQL journal; bind a ' +
        'postgresql-db service or set ON_DEAD_LETTER to skip.',
  },
  {
    names: ['PAYLOAD_RETENTION_DAYS', 'HISTORY_RETENTION_DAYS'],
    problem: ({ retention }) =>
      retention.payloadDays > retention.historyDays &&
      `PAYLOAD_RETENTION_DAYS is ${retention.payloadDays} and HISTORY_RETENTION_DAYS is ${retention.historyDays}: values ` +
        'are not kept without the history of their change; raise the second or lower the first.',
  },
  {
    names: ['TERRITORY_ATOMIC', 'TERRITORY_PROTOCOL'],
    problem: ({ territory }) =>
      territory.atomic &&
      (territory.protocol === 'rest' || territory.protocol === 'sales-cloud') &&
      `TERRITORY_ATOMIC is true and TERRITORY_PROTOCOL is ${territory.protocol}: only odata-v4 and odata-v2 have ` +
        'transactions; set TERRITORY_ATOMIC to false or choose another protocol.',
  },
  {
    names: ['MESH_QUEUE', 'MESH_DEAD_LETTER_QUEUE'],
    // Dead letters would be consumed as changes, fail again, and so on for ever.
    problem: ({ mesh }) =>
      mesh.queue === mesh.deadLetterQueue &&
      `MESH_QUEUE and MESH_DEAD_LETTER_QUEUE are both ${mesh.queue}: they must be two queues.`,
  },
  {
    names: ['MESH_NAMESPACE', 'MESH_QUEUE', 'MESH_DEAD_LETTER_QUEUE'],
    problem: ({ mesh }) => tooLong('queue', 164, [mesh.queue, mesh.deadLetterQueue]),
  },
  {
    names: [
      'MESH_NAMESPACE',
      'EVENT_TYPE_PREFIX',
      'MESH_SUCCESS_TOPIC',
      'MESH_FAILURE_TOPIC',
      'MESH_SUBSCRIPTIONS',
    ],
    problem: ({ mesh }) =>
      tooLong('topic', 150, [mesh.successTopic, mesh.failureTopic, ...mesh.subscriptions]),
  },
];

/** SAP Event Mesh's limits hold for the names as they are with the namespace in place. */
function tooLong(kind: 'queue' | 'topic', limit: number, names: readonly string[]): string | false {
  const name = names.find(({ length }) => length > limit);
  return (
    name !== undefined &&
    `The ${kind} ${shown(name)} has ${name.length} characters: at most ${limit} are allowed.`
  );
}

/** One line for each wrong combination of settings that are not among the `wrong` ones. */
export function checkTogether(
  settings: Settings,
  wrong: ReadonlySet<SettingName>,
  postgres: boolean,
): readonly string[] {
  return CHECKS.filter(({ names }) => !names.some((name) => wrong.has(name)))
    .map(({ problem }) => problem(settings, postgres))
    .filter((line) => line !== false);
}
