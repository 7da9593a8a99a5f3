/** The service and its queue: set up at the start with MESH_SETUP=true, and watched for readiness. Real processes. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startSandboxMesh, type SandboxMesh } from '../sandbox/mesh/index.ts';
import { ServiceStartError, startService, type ServiceProcess } from '../system/service-process.ts';

const QUEUE = 'default/territory/sync/territory/changes';

let mesh: SandboxMesh;
const services: ServiceProcess[] = [];

beforeEach(async () => {
  mesh = await startSandboxMesh();
});
afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.stop()));
  await mesh.stop();
});

async function start(settings: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> {
  const destination = {
    name: 'TERRITORY_API',
    url: 'http://127.0.0.1:1',
    authentication: 'NoAuthentication',
  };
  const service = await startService({
    VCAP_SERVICES: JSON.stringify(mesh.binding()),
    destinations: JSON.stringify([destination]),
    ...settings,
  });
  services.push(service);
  return service;
}

/** The readiness as soon as its check of the queue says so; the process asks the API when it starts. */
async function untilQueue(service: ServiceProcess, status: 'UP' | 'DOWN') {
  for (;;) {
    const answer = await fetch(`${service.url}/health/ready`);
    const { checks } = (await answer.json()) as {
      checks: { name: string; status: string; reason?: string }[];
    };
    const queue = checks.find(({ name }) => name === 'queue');
    if (queue?.status === status) return { code: answer.status, queue };
  }
}

describe('MESH_SETUP', () => {
  test('creates the queues before the service receives from them, and waits for an API that is down', async () => {
    mesh.faults.refuseManagement(503, 1, 0);
    const service = await start({ MESH_SETUP: 'true' });
    await mesh.until((now) => now.consumers(QUEUE).active === 1, 10_000);
    expect(mesh.queues()).toHaveLength(2);
    expect(service.output()).toMatch(/queue \S+deadletter: created.*queue \S+changes: created/s);
    expect(await service.stop()).toBe(0);
  });

  test('that is refused for good ends the start with one clear line and exit code 2', async () => {
    mesh.faults.refuseManagement(403, 'until-cleared');
    const failure = await start({ MESH_SETUP: 'true' }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ServiceStartError);
    expect(String(failure)).toMatch(
      /^territory-sync: SAP Event Mesh's management API answered 403 .*check the rules/m,
    );
    expect(mesh.counters.upgrades).toBe(0);
  });

  test('without a management API in the binding is refused before anything starts', async () => {
    const [entry] = mesh.binding()['enterprise-messaging'] as [{ credentials: object }];
    const binding = { ...entry, credentials: { ...entry.credentials, management: undefined } };
    const failure = await start({
      MESH_SETUP: 'true',
      VCAP_SERVICES: JSON.stringify({ 'enterprise-messaging': [binding] }),
    }).catch((error: unknown) => error);
    expect(String(failure)).toMatch(/^territory-sync: MESH_SETUP is true\. .*options\.management/m);
  });
});

describe('a product that leaves nothing unsettled for long', () => {
  test('is named at the start of a service without a database, with what is lost and what to do', async () => {
    const credentials = { uri: 'amqp://user:secret@127.0.0.1:1', dialect: 'service-bus' };
    const bus = { name: 'bus', label: 'user-provided', tags: ['mesh'], credentials };
    const service = await start({ VCAP_SERVICES: JSON.stringify({ 'user-provided': [bus] }) });
    expect(service.output()).toMatch(/Azure Service Bus delivers again .* bind a postgresql-db service/);
    expect(service.output()).toMatch(/order within a territory is lost/);
  });

  test('is not spoken of where the mesh waits', async () => {
    const service = await start();
    expect(service.output()).toContain('territory-sync is running');
    expect(service.output()).not.toContain('delivers again');
  });
});

describe('readiness', () => {
  test('is withheld while the queue is shared between receivers', async () => {
    mesh.createQueue(QUEUE, { accessType: 'NON_EXCLUSIVE' });
    const { code, queue } = await untilQueue(await start(), 'DOWN');
    expect(code).toBe(503);
    expect(queue.reason).toMatch(/accessType is NON_EXCLUSIVE, should be EXCLUSIVE/);
  });

  test('is given where the queue is exclusive', async () => {
    mesh.createQueue(QUEUE, { accessType: 'EXCLUSIVE' });
    const service = await start();
    await mesh.until(
      (now) => now.consumers(QUEUE).active === 1 && now.counters.managementRequests > 0,
      10_000,
    );
    const { code } = await untilQueue(service, 'UP');
    expect(code).toBe(200);
  });
});
