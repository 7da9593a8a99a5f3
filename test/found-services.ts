/** Says, before the tests run, which of the services that some of them need were found on this machine. */
import { connect } from 'node:net';
import { whyNoRedis } from './integration/redis-server.ts';

const SERVICES = { PostgreSQL: 5432, RabbitMQ: 5672 } as const;
const PATIENCE_MS = 1000;

export default async function sayWhatWasFound(): Promise<void> {
  const missing =
    process.env['CI'] === 'true' ? 'missing: its tests will fail' : 'not found: its tests are skipped';
  for (const [name, port] of Object.entries(SERVICES)) {
    console.log(`${name} (127.0.0.1:${port}): ${(await answers(port)) ? 'found' : missing}`);
  }
  // The tests start servers of their own, which they can stop.
  console.log(`Redis (redis-server): ${whyNoRedis() === undefined ? 'found' : missing}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: PATIENCE_MS });
    const end = (found: boolean) => {
      socket.destroy();
      resolve(found);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
