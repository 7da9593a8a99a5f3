/** What the sandbox mesh throws at its own caller (a test, the demo); peers on the wire get AMQP conditions instead. */

export type SandboxMeshErrorCode =
  | 'MESH_UNKNOWN_QUEUE'
  | 'MESH_WRONG_NAME'
  | 'MESH_WRONG_SETTING'
  | 'MESH_FIXED_SETTING'
  | 'MESH_REFUSED'
  | 'MESH_TIMEOUT'
  | 'MESH_STOPPED';

export class SandboxMeshError extends Error {
  readonly code: SandboxMeshErrorCode;

  constructor(code: SandboxMeshErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SandboxMeshError';
    this.code = code;
  }
}
