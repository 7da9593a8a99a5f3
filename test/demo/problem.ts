/** Something the demo needs is not as it must be: one line says what, why, and what to do. */
export class DemoError extends Error {
  readonly code:
    'RABBITMQ_UNREACHABLE' | 'RABBITMQ_REFUSED' | 'MESH_LOST' | 'SERVICE_NOT_READY' | 'SERVICE_ENDED';

  constructor(code: DemoError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
