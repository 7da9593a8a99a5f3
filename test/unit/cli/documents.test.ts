import { describe, expect, it } from 'vitest';

import { readDocuments } from '../../../srv/cli/documents.ts';
import { readOutgoing } from '../../../srv/cli/outgoing-change.ts';
import { EXIT_WRONG_USE } from '../../../srv/cli/terminal.ts';
import { matches } from '../../../srv/cli/topic.ts';

describe('the documents of a file', () => {
  it.each([
    ['one', '{"a":\n 1}', [{ a: 1 }], ['the document']],
    ['an array of them', '[{"a":1},\n{"a":2}]', [{ a: 1 }, { a: 2 }], ['element 1', 'element 2']],
    [
      'one a line, empty lines left out',
      '{"a":1}\r\n\n{"a":2}\n',
      [{ a: 1 }, { a: 2 }],
      ['line 1', 'line 3'],
    ],
  ])('are %s', (_what, text, values, places) => {
    const documents = readDocuments(text, 'f');
    expect(documents.map(({ value }) => value)).toEqual(values);
    expect(documents.map(({ place }) => place)).toEqual(places);
  });

  it.each([
    ['broken JSON', '{"secret": ', /^f is neither JSON nor one JSON document a line: line 1 /],
    ['a broken line', '{"a":1}\n{"secret"\n', /line 2 cannot be read/],
    ['nothing', ' \n', /^f holds no document/],
    ['an empty array', '[]', /^f holds no document/],
  ])('are refused where there is %s, in one line without the text', (_what, text, line) => {
    let failure: unknown;
    try {
      readDocuments(text, 'f');
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({
      exitCode: EXIT_WRONG_USE,
      message: expect.stringMatching(line) as unknown,
    });
    expect(String(failure)).not.toContain('secret');
  });
});

describe('a change to be published', () => {
  const parts = {
    queue: 'q',
    eventType: 'cx.territory.assignments.changed.v1',
    uuid: () => 'new-id',
    time: '2026-11-22T10:00:00.000Z',
  };
  const data = { territoryId: 'T', assignments: [{ id: 'A', fields: { owner: 'E' } }] };
  const event = { specversion: '1.0', id: 'e1', source: '/s', type: parts.eventType, data };
  const read = (...values: unknown[]) =>
    readOutgoing(
      values.map((value, index) => ({ place: `element ${index + 1}`, value })),
      parts,
    );

  it('is the CloudEvent as it is', () => {
    const { changes, problems } = read(event);
    expect(problems).toEqual([]);
    expect(changes).toMatchObject([{ id: 'e1', source: '/s', territoryId: 'T' }]);
    expect(JSON.parse(String(changes[0]?.body))).toEqual(event);
  });

  it('gets an envelope where there is only its data', () => {
    const { changes } = read(data);
    expect(changes).toMatchObject([{ id: 'new-id', territoryId: 'T' }]);
    expect(JSON.parse(String(changes[0]?.body))).toMatchObject({
      specversion: '1.0',
      type: parts.eventType,
      time: parts.time,
      data,
    });
  });

  it('is one that the service can read: others are named by their place, with the reason', () => {
    const { changes, problems } = read(event, { ...data, assignments: [] }, 7, { ...event, type: 'other' });
    expect(changes).toHaveLength(1);
    expect(problems.map((line) => line.slice(0, 10))).toEqual(['element 2:', 'element 3:', 'element 4:']);
  });

  it('is refused where it is nested deeper than can be written', () => {
    const deep = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown;
    expect(read(event, deep).problems).toEqual([
      'element 2 is nested too deeply to be a change: fields hold plain values',
    ]);
  });

  it('has an id of its own', () => {
    expect(read(event, event).problems).toEqual([
      'element 2 has the source and id of element 1: give every change an id of its own',
    ]);
  });
});

describe('a topic', () => {
  it.each([
    ['a/b/c/ce/x', '+/+/+/ce/x', true],
    ['a/b/ce/x', '+/+/+/ce/x', false],
    ['a/b/c', 'a/*', true],
    ['a', 'a/*', false],
    ['a/b', '*', true],
    ['a/b', 'a/c', false],
    ['a/b/c', 'a/b', false],
  ])('%s fits the pattern %s: %s', (topic, pattern, fits) => {
    expect(matches(topic, pattern)).toBe(fits);
  });
});
