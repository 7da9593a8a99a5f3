/**
 * The sandbox's mesh in a process of its own, so that it does not share a thread with what is measured. Answers `{"fill": n}` with
 * `filled` once n messages wait in an empty queue. Ends with its parent.
 */
import { startSandboxMesh } from '../../sandbox/mesh/index.ts';
import { QUEUE } from './queue.ts';

const sandbox = await startSandboxMesh();
sandbox.createQueue(QUEUE, { accessType: 'EXCLUSIVE' });

process.on('message', ({ fill, body }: { fill: number; body: string }) => {
  for (let index = 0; index < fill; index++) {
    sandbox.enqueue(QUEUE, {
      body,
      contentType: 'application/cloudevents+json',
      messageId: `m-${index}`,
      properties: { 'cloudEvents:source': '/default/crm/prod', position: index },
    });
  }
  process.send?.('filled');
});
process.on('disconnect', () => void sandbox.stop());
process.send?.(sandbox.credentials());
