/**
 * What the mesh layer costs: receiving and settling through it beside the bare library, on the same broker, in the same run, in
 * interleaved pairs (so that what else happens on the machine hits both). On the sandbox's mesh (WebSocket), and on RabbitMQ (TCP) where
 * it is found. SHORT=1: only to see that it runs.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Result } from './runner/benchmark.ts';
import { row } from './runner/benchmark.ts';
import { QUEUE } from './mesh/queue.ts';
import { withRabbit } from './mesh/rabbitmq.ts';
import { throughBareLibrary, throughLayer, type Broker } from './mesh/receivers.ts';

const SHORT = process.env['SHORT'] === '1';
const PAIRS = SHORT ? 1 : 7;
/** Each side of a pair is made of so many turns, taken alternately and short: drifts of the machine hit both. */
const TURNS = SHORT ? 2 : 6;
/** Messages a turn. */
const MESSAGES = 8_000;
const RABBIT_MESSAGES = 2_000;
const LEAST_SHARE = 0.9;
const BODY = JSON.stringify({
  specversion: '1.0',
  data: { territoryId: 'EMEA-NORTH', note: 'x'.repeat(400) },
});

export async function run(say: (line: string) => void): Promise<Result> {
  const results: Result[] = [
    await withSandbox((broker, fill) => compare('sandbox', broker, MESSAGES, fill, say)),
  ];
  const rabbit = await withRabbit(BODY, (broker, fill) =>
    compare('RabbitMQ', broker, RABBIT_MESSAGES, fill, say),
  );
  if (typeof rabbit === 'string') say(`mesh: RabbitMQ is left out: ${rabbit}`);
  else results.push(rabbit);
  return { rows: results.flatMap(({ rows }) => rows), claims: results.flatMap(({ claims }) => claims) };
}

/** Over the turns of one side of a pair. */
interface Sum {
  ms: number;
  cpuUs: number;
}

function note(figures: Figures, { ms, cpuUs }: Sum, messages: number): void {
  figures.perSecond.push((messages * 1_000) / ms);
  figures.cpuUs.push(cpuUs / messages);
}

/** One value a pair. */
interface Figures {
  readonly perSecond: number[];
  readonly cpuUs: number[];
}

const newFigures = (): Figures => ({ perSecond: [], cpuUs: [] });

async function compare(
  where: string,
  broker: Broker,
  messages: number,
  fill: (count: number) => Promise<void>,
  say: (line: string) => void,
): Promise<Result> {
  const layer = newFigures();
  const bare = newFigures();
  const turn = async (receive: typeof throughLayer, sum: Sum): Promise<void> => {
    await fill(messages);
    const before = process.cpuUsage();
    sum.ms += (messages * 1_000) / (await receive(broker, messages));
    const { user, system } = process.cpuUsage(before);
    sum.cpuUs += user + system;
  };
  // The first pair warms up.
  for (let pair = 0; pair <= PAIRS; pair++) {
    const sums = { layer: { ms: 0, cpuUs: 0 }, bare: { ms: 0, cpuUs: 0 } };
    for (let round = 0; round < TURNS; round++) {
      const turns = [() => turn(throughLayer, sums.layer), () => turn(throughBareLibrary, sums.bare)];
      for (const one of round % 2 === 0 ? turns : turns.toReversed()) await one();
    }
    if (pair === 0) continue;
    note(layer, sums.layer, messages * TURNS);
    note(bare, sums.bare, messages * TURNS);
  }
  const shares = layer.perSecond.map((perSecond, pair) => perSecond / (bare.perSecond[pair] ?? Number.NaN));
  const share = row(`${where}: layer ÷ library`, 'of 1', shares);
  say(
    `mesh: ${where}, ${messages * TURNS} messages a run in ${TURNS} turns, shares ${shares.map((one) => one.toFixed(2)).join(' ')}`,
  );
  return {
    rows: [
      row(`${where}: receive and settle, bare library`, 'messages/s', bare.perSecond),
      row(`${where}: receive and settle, mesh layer`, 'messages/s', layer.perSecond),
      share,
      row(`${where}: processor time, bare library`, 'µs/message', bare.cpuUs),
      row(`${where}: processor time, mesh layer`, 'µs/message', layer.cpuUs),
    ],
    claims: [
      {
        text: `through the mesh layer on ${where} at least ${LEAST_SHARE * 100} % of the bare library's messages per second: ${(share.median * 100).toFixed(1)} %`,
        holds: share.median >= LEAST_SHARE,
      },
    ],
  };
}

interface Credentials {
  readonly messaging: readonly {
    readonly protocol: readonly string[];
    readonly uri: string;
    readonly oa2: {
      readonly clientid: string;
      readonly clientsecret: string;
      readonly tokenendpoint: string;
    };
  }[];
}

async function withSandbox<T>(
  use: (broker: Broker, fill: (count: number) => Promise<void>) => Promise<T>,
): Promise<T> {
  const child = fork(fileURLToPath(new URL('mesh/broker.ts', import.meta.url)));
  try {
    const [credentials] = (await once(child, 'message')) as [Credentials];
    const entry = credentials.messaging.find(({ protocol }) => protocol.includes('amqp10ws'));
    if (entry === undefined) throw new Error('the binding has no AMQP entry');
    const { clientid, clientsecret, tokenendpoint } = entry.oa2;
    const { hostname, port, pathname } = new URL(entry.uri);
    const broker: Broker = {
      queue: QUEUE,
      endpoint: {
        kind: 'websocket',
        uri: entry.uri,
        dialect: 'event-mesh',
        oauth: { tokenUrl: tokenendpoint, clientId: clientid, clientSecret: clientsecret },
      },
      address: `queue:${QUEUE}`,
      options: () => ({
        ws: { host: hostname, port: Number(port), path: pathname },
        oa2: { endpoint: tokenendpoint, client: clientid, secret: clientsecret },
      }),
    };
    return await use(broker, async (count) => {
      child.send({ fill: count, body: BODY });
      await once(child, 'message');
    });
  } finally {
    child.disconnect();
    await once(child, 'exit');
  }
}
