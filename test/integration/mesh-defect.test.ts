/** A defect met while an event of the connection is handled costs that event at most, not the connection for good. */
import { expect, test } from 'vitest';
import { createMesh } from '../../srv/mesh/index.ts';
import { systemClock } from '../../srv/platform/clock.ts';
import { systemRandom } from '../../srv/platform/random.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { startSandboxMesh } from '../sandbox/mesh/index.ts';
import { eventually, shortTimes, webSocketOf } from './mesh-parts.ts';

test('what is thrown in the middle of an event is logged, and the events after it are handled', async () => {
  const sandbox = await startSandboxMesh();
  const log = createRecordingLog();
  const debug = log.debug.bind(log);
  let thrown = 0;
  log.debug = (text, fields) => {
    if (text === 'Mesh connection' && thrown++ === 0) throw new Error('a defect');
    debug(text, fields);
  };
  const mesh = createMesh({
    endpoint: webSocketOf(sandbox),
    clock: systemClock,
    random: systemRandom,
    log,
    options: shortTimes,
  });
  try {
    mesh.start();
    await eventually(() => mesh.status().state === 'open', 'open');
    expect(log.lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      "Event 'start' of the mesh connection threw; the connection is kept",
    ]);
    sandbox.faults.dropConnections();
    await eventually(() => sandbox.counters.connectionsAccepted === 2, 'connected anew');
  } finally {
    await mesh.stop();
    await sandbox.stop();
  }
});
