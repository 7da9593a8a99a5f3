/** `publish FILE`: territory changes onto the mesh, as an upstream system would put them there. */
import { createReadStream } from 'node:fs';

import { readConfiguration } from '../config/configuration.ts';
import { readEnvironment } from '../config/environment.ts';
import { SETTINGS } from '../config/settings-table.ts';
import type { Settings } from '../config/settings.ts';
import type { Mesh, OutgoingMessage } from '../mesh/port.ts';
import { systemClock as clock } from '../platform/clock.ts';
import { systemRandom as random } from '../platform/random.ts';
import { readDocuments } from './documents.ts';
import { withMesh } from './open-mesh.ts';
import { CONTENT_TYPE, readOutgoing, type OutgoingChange } from './outgoing-change.ts';
import {
  CommandFailure,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_WRONG_USE,
  type ExitCode,
  type Terminal,
} from './terminal.ts';
import { matches } from './topic.ts';

export interface PublishOptions {
  /** Path, or `-` for standard input. */
  readonly file: string;
  readonly topic?: string;
  readonly format: 'text' | 'json';
}

const FILE_LIMIT_BYTES = 64 * 1024 * 1024;
/** Lines of problems that are printed. */
const PROBLEM_LIMIT = 20;
/** Of one message, the first included: what was not confirmed is sent again, and recognised by its id should it arrive twice. */
const ATTEMPTS = 3;

export async function publishFile(options: PublishOptions, terminal: Terminal): Promise<ExitCode> {
  const { settings, mesh: binding } = readConfiguration(readEnvironment());
  const topic = topicOf(options.topic, settings);
  const documents = readDocuments(await readText(options.file), options.file);
  const { changes, problems } = readOutgoing(documents, {
    queue: settings.mesh.queue,
    eventType: settings.events.inboundType,
    uuid: () => random.uuid(),
    time: new Date(clock.now()).toISOString(),
  });
  if (problems.length > 0) {
    for (const problem of problems.slice(0, PROBLEM_LIMIT))
      terminal.err(`territory-sync: ${options.file}, ${problem}`);
    throw new CommandFailure(
      `Nothing was published: ${problems.length} of ${documents.length} documents are no territory change; correct them`,
    );
  }
  if (!settings.mesh.subscriptions.some((pattern) => matches(topic, pattern))) {
    terminal.err(
      `territory-sync: the topic ${topic} fits none of MESH_SUBSCRIPTIONS, so the service will not get the changes: give another --topic`,
    );
  }
  const published = await withMesh(binding.endpoint, (mesh) =>
    publishAll(changes, {
      mesh,
      topic,
      note: options.format === 'text' ? (id) => terminal.out(id) : () => undefined,
    }),
  );
  const { failure } = published;
  if (options.format === 'json') {
    const list = published.changes.map(({ id, source, territoryId }) => ({ id, source, territoryId }));
    terminal.out(
      JSON.stringify({ topic, published: list, ...(failure !== undefined && { failure }) }, undefined, 2),
    );
  }
  const count = `${published.changes.length} of ${changes.length} changes published to ${topic}`;
  if (failure === undefined) {
    terminal.err(`territory-sync: ${count}`);
    return EXIT_DONE;
  }
  terminal.err(`territory-sync: ${count}: ${failure}`);
  return EXIT_FAILED;
}

/** Where upstream systems of the service's own namespace would publish. */
function topicOf(given: string | undefined, { mesh, events }: Settings): string {
  const { kind } = SETTINGS.MESH_SUCCESS_TOPIC;
  if (given === undefined) {
    return `${mesh.namespace}/ce/${events.typePrefix.replaceAll('.', '/')}/assignments/changed/v1`;
  }
  const topic = kind.parse(given)?.replaceAll('{namespace}', mesh.namespace);
  if (topic !== undefined) return topic;
  throw new CommandFailure(`--topic cannot be used: allowed is ${kind.allowed}`, EXIT_WRONG_USE);
}

async function readText(file: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readBytes(file));
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const advice =
      code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it must be UTF-8' : 'give the path of a readable file';
    throw new CommandFailure(`${file} cannot be read (${code}): ${advice}`, EXIT_WRONG_USE, { cause: error });
  }
}

async function readBytes(file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  const stream = file === '-' ? process.stdin : createReadStream(file);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > FILE_LIMIT_BYTES) {
      throw new CommandFailure(`${file} has more than ${FILE_LIMIT_BYTES} bytes: split it`, EXIT_WRONG_USE);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

interface Publishing {
  readonly mesh: Mesh;
  readonly topic: string;
  /** Told the id of each confirmed change. */
  readonly note: (id: string) => void;
}

/** In order, each after the one before is confirmed, for a later change must not arrive without an earlier one. */
async function publishAll(
  changes: readonly OutgoingChange[],
  { mesh, topic, note }: Publishing,
): Promise<{ readonly changes: readonly OutgoingChange[]; readonly failure?: string }> {
  for (const [index, change] of changes.entries()) {
    const failure = await publishOne(mesh, {
      to: { kind: 'topic', name: topic },
      body: change.body,
      contentType: CONTENT_TYPE,
      messageId: change.id,
    });
    if (failure !== undefined) return { changes: changes.slice(0, index), failure };
    note(change.id);
  }
  return { changes };
}

/** @returns why it was not accepted */
async function publishOne(mesh: Mesh, message: OutgoingMessage): Promise<string | undefined> {
  let reason = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const result = await mesh.publish(message);
    switch (result.kind) {
      case 'accepted':
        return undefined;
      case 'refused':
        return `the mesh refuses ${message.messageId ?? ''} (${result.condition}): ${result.reason}`;
      case 'unconfirmed':
        reason = result.reason;
    }
  }
  return `the mesh did not confirm ${message.messageId ?? ''} (${reason}); it may have arrived; with the same ids the file can be published again`;
}
