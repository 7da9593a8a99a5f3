/** What a test of the mesh starts, and ends together: meshes and plain clients. */
import { startSandboxMesh, type SandboxMesh, type SandboxMeshOptions } from './index.ts';
import { clientBinding, connectPlain, fetchToken, type PlainClient } from './plain-client.ts';

export class MeshBed {
  readonly clients: PlainClient[] = [];
  readonly #meshes: SandboxMesh[] = [];

  async start(options: SandboxMeshOptions = {}): Promise<SandboxMesh> {
    const mesh = await startSandboxMesh(options);
    this.#meshes.push(mesh);
    return mesh;
  }

  /** Resolves when the client's connection is open; never, where it is not let in. */
  async connect(mesh: SandboxMesh, token?: string): Promise<PlainClient> {
    const client = await connectPlain(mesh.credentials(), token);
    this.clients.push(client);
    return client;
  }

  token(mesh: SandboxMesh): Promise<string> {
    return fetchToken(clientBinding(mesh.credentials()));
  }

  async end(): Promise<void> {
    for (const client of this.clients.splice(0)) client.connection.close();
    await Promise.all(this.#meshes.splice(0).map((mesh) => mesh.stop()));
  }
}

/** Puts `m<from>`, `m<from + 1>`, … into a queue. */
export function putNumbered(mesh: SandboxMesh, queue: string, count: number, from = 1): void {
  for (let n = from; n < from + count; n++) mesh.enqueue(queue, { body: `m${n}` });
}
