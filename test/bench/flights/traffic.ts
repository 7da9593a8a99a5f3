/** Territories whose next change comes as soon as the one before has ended, flown by the real dispatcher, flights and journal. */
import type { TerritoryChange } from '../../../srv/events/change.ts';
import type { OwnEtagRule } from '../../../srv/lanes/own-etags.ts';
import { ManualClock } from '../../doubles/manual-clock.ts';
import { SeededRandom } from '../../sandbox/territory-api/seeded-random.ts';
import { NodeApi } from './node-api.ts';
import { buildRig } from './rig.ts';

export interface Traffic {
  readonly seed: number;
  readonly territories: number;
  readonly recordsPerTerritory: number;
  /** Changes of each territory, each of one of its records, in turn. */
  readonly changesPerTerritory: number;
  /** What the API does. */
  readonly lagMs: { readonly min: number; readonly max: number };
  /** What the program is told of it. */
  readonly propagation: { readonly minMs: number; readonly maxMs: number };
  readonly ownEtags: OwnEtagRule;
  /** One foreign write per so many changes; 0: none. */
  readonly foreignEvery: number;
}

export interface Flown {
  readonly applied: number;
  readonly requests: number;
  readonly writes: number;
  readonly conflicts: number;
  readonly elapsedMs: number;
  /** In the order of the later write, of each two of a territory: how long until every node knew the first, and until the other landed. */
  readonly lagsMs: readonly number[];
  readonly restsMs: readonly number[];
}

const NODES = 3;
const PACE = { requestMs: 50, perRecordMs: 1 };
const STEP_MS = 100;

export async function flyTraffic(traffic: Traffic): Promise<Flown> {
  const { seed, territories, changesPerTerritory, propagation } = traffic;
  const clock = new ManualClock();
  const random = new SeededRandom(seed, 'traffic');
  const { min: minLagMs, max: maxLagMs } = traffic.lagMs;
  const api = new NodeApi(clock, { nodes: NODES, minLagMs, maxLagMs }, PACE, seed);
  const total = territories * changesPerTerritory;
  const count = { ended: 0, applied: 0 };
  const next = async (territory: number, number: number): Promise<void> => {
    if (number >= changesPerTerritory) return;
    await rig.append([changeOf(traffic, territory, number)]);
  };
  const following: Promise<void>[] = [];
  const rig = buildRig({
    clock,
    random,
    api,
    propagation,
    ownEtags: traffic.ownEtags,
    onEnd(change, outcome) {
      count.ended += 1;
      if (outcome === 'applied') count.applied += 1;
      const [territory = 0, number = 0] = change.id.split(' ').map(Number);
      if (traffic.foreignEvery > 0 && count.ended % traffic.foreignEvery === 0) {
        const foreign = random.below(territories);
        api.writeForeign(changeOf(traffic, foreign, 0).assignments[0]?.id ?? '', {
          note: String(count.ended),
        });
      }
      // After this completion, which is under way.
      clock.after(1, () => following.push(next(territory, number + 1)));
    },
  });
  const startMs = clock.monotonicMs();
  for (let territory = 0; territory < territories; territory += 1) await next(territory, 0);
  rig.dispatcher.start();
  while (count.ended < total) await clock.elapse(STEP_MS);
  await Promise.all(following);
  const elapsedMs = clock.monotonicMs() - startMs;
  await rig.stop();
  const { requests, writes, conflicts } = api;
  return {
    applied: count.applied,
    requests,
    writes,
    conflicts,
    elapsedMs,
    ...restsOf(api),
  };
}

function restsOf({ landed }: NodeApi): Pick<Flown, 'lagsMs' | 'restsMs'> {
  const byTerritory = Map.groupBy(landed, ({ record }) => record.split('/')[0]);
  const pairs = [...byTerritory.values()].flatMap((writes) =>
    writes.slice(1).flatMap((write, index) => {
      const before = writes[index];
      const { atMs } = write;
      return before ? [{ atMs, lagMs: before.knownMs - before.atMs, restMs: atMs - before.atMs }] : [];
    }),
  );
  pairs.sort((a, b) => a.atMs - b.atMs);
  return { lagsMs: pairs.map(({ lagMs }) => lagMs), restsMs: pairs.map(({ restMs }) => restMs) };
}

function changeOf({ recordsPerTerritory }: Traffic, territory: number, number: number): TerritoryChange {
  const id = `${territory}/${number % recordsPerTerritory}`;
  return {
    id: `${territory} ${number}`,
    source: '/bench',
    type: 'bench',
    territoryId: `TER-${territory}`,
    assignments: [{ id, operation: 'update', fields: { owner: `E${number}` } }],
    relatedTo: [],
  };
}
