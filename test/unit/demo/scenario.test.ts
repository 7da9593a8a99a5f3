import { describe, expect, it } from 'vitest';
import { createScenario } from '../../demo/scenario.ts';

describe('the scenario of the demo', () => {
  const scenario = createScenario(1);
  const touched = scenario.changes.map(({ assignments: [first] }) => first?.id);

  it('is the same for the same seed, one more change included, and another for another seed', () => {
    const again = createScenario(1);
    expect(again.changes).toEqual(scenario.changes);
    expect(again.records).toEqual(scenario.records);
    expect([again.oneMore(1), again.oneMore(2)]).toEqual([scenario.oneMore(1), scenario.oneMore(2)]);
    expect(createScenario(2).changes).not.toEqual(scenario.changes);
    expect(createScenario(2).api.seed).toBe(2);
  });

  it('publishes 500 changes over 40 territories, many of them repeatedly for the same assignment', () => {
    expect(scenario.changes).toHaveLength(500);
    expect(new Set(scenario.changes.map(({ territoryId }) => territoryId)).size).toBe(40);
    expect(new Set(scenario.changes.map(({ id }) => id)).size).toBe(500);
    expect(new Set(touched).size).toBeGreaterThanOrEqual(200);
    expect(new Set(touched).size).toBeLessThanOrEqual(250);
  });

  it('publishes them all, in order, in bursts over a few seconds', () => {
    expect(scenario.bursts.flatMap(({ changes }) => changes)).toEqual(scenario.changes);
    const times = scenario.bursts.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times[0]).toBe(0);
    expect(times.at(-1)).toBeGreaterThan(3000);
    expect(times.at(-1)).toBeLessThan(10_000);
  });

  it('changes only records that exist, in their territory', () => {
    const home = new Map(scenario.records.map(({ id, territoryId }) => [id, territoryId]));
    for (const { territoryId, assignments } of scenario.changes) {
      expect(assignments.map(({ id }) => home.get(id))).toEqual([territoryId]);
    }
  });

  it('sets every value once, so that a commit tells which change it came from', () => {
    const seeded = scenario.records.flatMap(({ fields }) => Object.values(fields));
    const values = [...scenario.changes, scenario.oneMore(1)].flatMap(({ assignments }) =>
      assignments.flatMap(({ fields = {} }) => Object.values(fields)),
    );
    expect(new Set(values).size).toBe(values.length);
    expect(values.filter((value) => seeded.includes(value as string))).toEqual([]);
  });

  it('has other writers in fields that no change sets, and caches that are 2 to 5 s late', () => {
    const own = new Set(
      scenario.changes.flatMap(({ assignments }) =>
        assignments.flatMap(({ fields = {} }) => Object.keys(fields)),
      ),
    );
    expect(scenario.foreignWriters.fields.filter((field) => own.has(field))).toEqual([]);
    expect(scenario.api.caches).toMatchObject({ minLagMs: 2000, maxLagMs: 5000 });
    expect(scenario.api.timeScale ?? 1).toBe(1);
  });

  it('tells its own rules: lag, latency, nodes and other writers', () => {
    const rules = scenario.rules.join(' ');
    for (const rule of [
      '500 changes',
      '3 nodes',
      '2–5 s',
      '40–60 ms a request',
      '1 ms a record',
      'every 1 s',
    ]) {
      expect(rules).toContain(rule);
    }
  });
});
