import rhea from 'rhea';
import { describe, expect, it } from 'vitest';
import { deliveryBytes, encodeMessage, readMessage, splitMessage } from '../../sandbox/mesh/message.ts';
import { mergeSettings, DEFAULT_QUEUE_SETTINGS, settingsProblem } from '../../sandbox/mesh/queue-settings.ts';
import { readCredentials } from '../../sandbox/mesh/tokens.ts';

describe('a message', () => {
  const sent = {
    durable: true,
    priority: 7,
    ttl: 90_000,
    delivery_count: 3,
    delivery_annotations: { hop: 1 },
    message_annotations: { kept: 'yes' },
    message_id: 'id-1',
    content_type: 'application/cloudevents+json',
    // A type that a decode and encode in JavaScript would not keep.
    application_properties: { small: rhea.types.wrap_ubyte(5), text: 'ä' },
    body: rhea.message.data_section(Buffer.from([0, 255, 128])),
  };

  it('keeps every byte but those of its header and delivery annotations', () => {
    const { delivery_annotations: _, ...bare } = sent;
    const wire = splitMessage(rhea.message.encode(sent));
    const expected = splitMessage(rhea.message.encode(bare));
    expect(wire.bare).toEqual(expected.bare);
    expect(rhea.message.encode(sent).subarray(-wire.bare.length)).toEqual(wire.bare);
    expect(wire.headers).toEqual({ durable: true, priority: 7, ttlMs: 90_000 });
  });

  it('is delivered with a header that says how often it was tried', () => {
    const wire = splitMessage(rhea.message.encode(sent));
    const again = rhea.message.decode(deliveryBytes(wire, 300, 'again'));
    expect(again).toMatchObject({
      durable: true,
      priority: 7,
      ttl: 90_000,
      delivery_count: 300,
      message_id: 'id-1',
    });
    const first = rhea.message.decode(deliveryBytes({ headers: {}, bare: wire.bare }, 0, 'first'));
    expect(first).toMatchObject({ durable: false, priority: 4, first_acquirer: true, delivery_count: 0 });
    expect(first['ttl']).toBeUndefined();
  });

  it('made in the process reads back as it was made', () => {
    const made = {
      body: '{"a":1}',
      contentType: 'application/json',
      messageId: 'm-1',
      correlationId: 'c-1',
      subject: 'EMEA',
      properties: { id: 'x', count: 2, yes: true },
    };
    expect(readMessage(encodeMessage(made, 'topic:a/b'))).toEqual({
      ...made,
      body: Buffer.from('{"a":1}'),
      to: 'topic:a/b',
    });
  });
});

describe('queue settings', () => {
  it('are refused outside the ranges of the management API, or by an unknown name', () => {
    expect(settingsProblem({ maxRedeliveryCount: 256 })).toMatch(/^maxRedeliveryCount/);
    expect(settingsProblem({ accessType: 'exclusive' })).toMatch(/^accessType/);
    expect(settingsProblem({ maxMessageTimeToLive: 1 })).toMatch(/Unrecognized field/);
    expect(settingsProblem({ maxRedeliveryCount: 0, maxTtl: 60, accessType: 'EXCLUSIVE' })).toBeUndefined();
  });

  it('round the size up to whole MiB and keep what is not given', () => {
    const settings = mergeSettings(
      { ...DEFAULT_QUEUE_SETTINGS, maxTtl: 5 },
      { maxQueueSizeInBytes: 1_048_577 },
    );
    expect(settings).toMatchObject({ maxTtl: 5, maxQueueSizeInBytes: 2_097_152 });
  });
});

it('client credentials are read from HTTP Basic or from the form', () => {
  const basic = `Basic ${Buffer.from('me:se:cret').toString('base64')}`;
  expect(readCredentials(basic, new URLSearchParams())).toEqual({ clientId: 'me', clientSecret: 'se:cret' });
  const form = new URLSearchParams({ client_id: 'me', client_secret: 's' });
  expect(readCredentials(undefined, form)).toEqual({ clientId: 'me', clientSecret: 's' });
  expect(readCredentials(undefined, new URLSearchParams())).toBeUndefined();
});
