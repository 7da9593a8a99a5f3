/** How each fault is made to strike in each state; the variants of a fault are drawn by chance. */
import type { TokenFault } from '../../sandbox/mesh/index.ts';
import type { Cell, FaultName } from './cells.ts';
import { whileConnected, withShortToken } from './occasions.ts';
import { WINDOW, type World } from './world.ts';

/** Carries the fault out; gives false where the state was missed and nothing was struck. */
export async function strike(world: World, cell: Cell): Promise<boolean> {
  switch (cell.state) {
    case 'idle':
      await world.broker.faults.restart(pause(world));
      return world.state === 'idle';
    case 'connecting':
      return strikeAttempt(world, cell.fault);
    case 'waiting':
      return strikeWaiting(world);
    case 'stopped': {
      await world.mesh.stop();
      const before = world.broker.counters.upgrades;
      await world.broker.faults.restart(pause(world));
      return world.state === 'stopped' && world.broker.counters.upgrades === before;
    }
    case 'open':
    case 'renewing':
    case 'renewing (closing)':
    case 'waiting (closing)':
    case 'stopping':
    case 'stopping (closing)': {
      const blow = blows[cell.fault];
      if (blow === undefined) return strikeRenewal(world, cell.fault);
      await fillWindowPerhaps(world);
      await whileConnected(world, cell.state, blow(world));
      await world.settled();
      return true;
    }
  }
}

/** States after which the layer does not run any more. */
export function isTerminal({ state }: Cell): boolean {
  return state === 'stopping' || state === 'stopping (closing)' || state === 'stopped';
}

/** Half the time with as much unsettled as there may be. */
async function fillWindowPerhaps(world: World): Promise<void> {
  if (world.chance.fraction() < 0.5) return;
  await world.untilReceiving();
  world.receipts.hold();
  world.feed(WINDOW + 3);
  await world.until(() => world.receipts.held >= WINDOW || world.state !== 'open', 'a full window');
  world.dispatches.send(3);
}

type ByFault<T> = { readonly [F in FaultName]?: T };

/** What can happen to an established connection: drawn beforehand, carried out in the right moment. */
const blows: ByFault<(world: World) => () => void> = {
  'TCP dropped': (world) =>
    pick<() => void>(
      world,
      () => world.strait.cut(),
      () => world.broker.faults.dropConnections(),
    ),
  'half-open': (world) => {
    const options = pick(world, {}, { deafMs: world.chance.between(0, 200) });
    return () => world.broker.faults.goSilent(options);
  },
  'link detached': (world) => {
    const conditions = [
      'amqp:link:detach-forced',
      'amqp:internal-error',
      'amqp:not-found',
      'amqp:resource-deleted',
    ];
    const condition = pick(world, ...conditions);
    const which = pick(world, 'all' as const, 'consumers' as const, 'publishers' as const);
    return () => world.broker.faults.detachLinks(condition, which);
  },
  'session ended': (world) => {
    const conditions = ['amqp:internal-error', 'amqp:session:window-violation', 'amqp:unauthorized-access'];
    const condition = pick(world, ...conditions);
    return () => world.broker.faults.endSessions(condition);
  },
  'broker restarts': (world) => {
    const downMs = pause(world);
    return () => world.own(world.broker.faults.restart(downMs));
  },
};

/** What counts up in the moment in which a fault of an attempt strikes. */
type Sign = 'upgrades' | 'upgradesRefused' | 'opens' | 'tokenRequests';

/** Loads what strikes the next attempt. */
const loads: ByFault<(world: World) => Sign> = {
  'TCP dropped': (world) => loadStage(world, 'drop'),
  'half-open': (world) => loadStage(world, 'silence'),
  'upgrade hangs': (world) => {
    world.broker.faults.hangUpgrades(1, pick(world, 'no-answer' as const, 'truncated' as const));
    return 'upgrades';
  },
  'AMQP Open hangs': ({ broker }) => {
    broker.faults.hangOpens();
    return 'upgrades';
  },
  // It has to last until the broker is gone.
  'broker restarts': ({ broker }) => {
    broker.faults.hangUpgrades();
    return 'upgrades';
  },
};

function loadStage(world: World, action: 'drop' | 'silence'): Sign {
  const stage = pick(world, 'upgrade' as const, 'open' as const);
  world.broker.faults.at(stage, action);
  return stage === 'open' ? 'opens' : 'upgrades';
}

function load(world: World, fault: FaultName): Sign {
  const special = loads[fault];
  if (special !== undefined) return special(world);
  const status = /^upgrade refused: (\d+)$/u.exec(fault)?.[1];
  if (status === undefined) {
    world.broker.faults.tokenEndpoint(tokenFault(world, fault));
    return 'tokenRequests';
  }
  world.broker.faults.refuseUpgrades(Number(status));
  return 'upgradesRefused';
}

async function strikeAttempt(world: World, fault: FaultName): Promise<boolean> {
  await world.untilReceiving();
  const sign = load(world, fault);
  const struckIn = stateAt(world, sign);
  world.subscription.restart('on purpose');
  const state = await struckIn;
  if (fault === 'broker restarts') await world.broker.faults.restart(pause(world));
  return state === 'connecting';
}

/** The state in the turn in which the broker counts the sign up: the client cannot know of it yet. */
async function stateAt(world: World, sign: Sign): Promise<string> {
  const before = world.broker.counters[sign];
  let state: string = world.state;
  await world.broker.until(({ counters }) => {
    if (counters[sign] === before) return false;
    state = world.state;
    return true;
  }, 20_000);
  return state;
}

async function strikeWaiting(world: World): Promise<boolean> {
  await world.untilReceiving();
  // It asks for a longer wait, so there is time.
  world.broker.faults.refuseUpgrades(503);
  const refused = world.broker.counters.upgradesRefused;
  world.subscription.restart('on purpose');
  await world.until(
    () => world.broker.counters.upgradesRefused > refused && world.state !== 'connecting',
    'a refused attempt',
  );
  if (world.state !== 'waiting') return false;
  await world.broker.faults.restart(pause(world));
  return true;
}

/** The next token is asked for while the connection is open. */
async function strikeRenewal(world: World, fault: FaultName): Promise<boolean> {
  await withShortToken(world);
  world.broker.faults.tokenEndpoint(tokenFault(world, fault));
  return (await stateAt(world, 'tokenRequests')) === 'open';
}

function tokenFault(world: World, fault: FaultName): TokenFault {
  if (fault === 'token endpoint down') return { kind: 'down' };
  if (fault === 'token endpoint slow') {
    return pick<TokenFault>(
      world,
      { kind: 'hang' },
      { kind: 'slow', delayMs: world.chance.between(20, 250) },
    );
  }
  return pick<TokenFault>(
    world,
    { kind: 'not-json' },
    { kind: 'no-token' },
    { kind: 'worthless-token' },
    ...[400, 401, 403, 429, 500, 503].map((status) => ({ kind: 'status' as const, status })),
  );
}

/** How long a broker is away, milliseconds. */
function pause({ chance }: World): number {
  return chance.fraction() < 0.3 ? 0 : chance.between(0, 80);
}

function pick<T>({ chance }: World, ...values: readonly T[]): T {
  return values[chance.below(values.length)] as T;
}
