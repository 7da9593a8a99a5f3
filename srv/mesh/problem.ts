/**
 * Why there is no connection, read from what the library throws: mostly from the text, for the HTTP status of a refused upgrade is
 * nowhere else. Bodies of answers are searched but never shown: they may repeat credentials.
 */

/** Why a connection failed or ended. */
export interface ConnectionProblem {
  /** Stable, for alerts and tests. */
  readonly code: ProblemCode;
  /** One line: what, why, what to do; no secrets. */
  readonly message: string;
  /** `long`: the peer is overloaded or full, coming back soon makes it worse. */
  readonly patience: 'usual' | 'long';
}

export type ProblemCode =
  | 'MESH_UNAUTHORIZED'
  | 'MESH_FORBIDDEN'
  | 'MESH_WRONG_PATH'
  | 'MESH_OVERLOADED'
  | 'MESH_CONNECTION_LIMIT'
  | 'MESH_TOKEN_REFUSED'
  | 'MESH_TOKEN_UNAVAILABLE'
  | 'MESH_LOGIN_REFUSED'
  | 'MESH_UPGRADE_REFUSED'
  | 'MESH_UNREACHABLE'
  | 'MESH_TLS'
  | 'MESH_HUNG'
  | 'MESH_SILENT'
  | 'MESH_UNREADABLE_FRAME'
  | 'MESH_PROTOCOL_BROKEN'
  | 'MESH_CLOSED_BY_PEER'
  | 'MESH_CONNECTION_LOST'
  | 'MESH_RESTARTED';

export function problem(
  code: ProblemCode,
  message: string,
  patience: ConnectionProblem['patience'] = 'usual',
): ConnectionProblem {
  return { code, message, patience };
}

/** Reads the library's last error before `disconnected`; undefined where it told none. */
export function readProblem(error: unknown): ConnectionProblem {
  if (!(error instanceof Error)) return problem('MESH_CONNECTION_LOST', 'The mesh closed the connection');
  const text = error.message;
  if (limitReached.test(text)) {
    return problem(
      'MESH_CONNECTION_LIMIT',
      'The mesh takes no more connections: stop unused instances or raise the number of connections of the service instance',
      'long',
    );
  }
  return refusedUpgrade(text) ?? refusedLogin(text) ?? network(error) ?? closedByPeer(error);
}

/** SAP Event Mesh's own words (troubleshooting guide), and the AMQP condition that others use. */
const limitReached =
  /220012|too (?:many|much) connections?|connection limit|session is closed|amqp:connection:[a-z-]*limit/iu;

function refusedUpgrade(text: string): ConnectionProblem | undefined {
  const status = /\[252\].* code (\d{3})/u.exec(text)?.[1];
  if (status === undefined) {
    return /\[25[13]\]/u.test(text)
      ? problem('MESH_UPGRADE_REFUSED', 'The mesh broke off the WebSocket upgrade')
      : undefined;
  }
  const said = `The mesh refused the WebSocket upgrade with ${status}`;
  switch (status) {
    case '401':
      return problem(
        'MESH_UNAUTHORIZED',
        `${said}: check client id and secret (or certificate) of the binding; were they rotated, bind again and restart`,
      );
    case '403':
      return problem(
        'MESH_FORBIDDEN',
        `${said}: the token lacks the scope; check that the credentials come from the binding's amqp10ws entry and which rules the descriptor grants`,
      );
    case '404':
      return problem(
        'MESH_WRONG_PATH',
        `${said}: check the path of the uri (Event Mesh: /protocols/amqp10ws)`,
      );
    case '429':
    case '503':
      return problem(
        'MESH_OVERLOADED',
        `${said}: it is overloaded or in maintenance; waiting longer`,
        'long',
      );
    default:
      return problem('MESH_UPGRADE_REFUSED', said);
  }
}

function refusedLogin(text: string): ConnectionProblem | undefined {
  if (/\[35[159]\]/u.test(text)) {
    return problem(
      'MESH_LOGIN_REFUSED',
      'The broker refused the login: check user and password of the mesh binding',
    );
  }
  return /\[36[012]\]|\[358\]/u.test(text)
    ? problem('MESH_LOGIN_REFUSED', 'The broker failed to check the login')
    : undefined;
}

function network(error: Error): ConnectionProblem | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/\[40[45]\]/u.test(error.message) || unreachable.has(code)) {
    const why = code === '' ? 'nobody answers' : code;
    return problem(
      'MESH_UNREACHABLE',
      `The mesh cannot be reached (${why}): check host, port and network of its uri`,
    );
  }
  if (/^(?:CERT_|ERR_TLS_|ERR_SSL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/u.test(code)) {
    return problem('MESH_TLS', `The mesh's certificate or TLS set-up is not accepted (${code})`);
  }
  return undefined;
}

const unreachable = new Set([
  'ECONNREFUSED',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);

function closedByPeer(error: Error): ConnectionProblem {
  const condition = 'condition' in error && typeof error.condition === 'string' ? error.condition : undefined;
  if (condition !== undefined) {
    const patience = condition === 'amqp:resource-limit-exceeded' ? 'long' : 'usual';
    return problem(
      'MESH_CLOSED_BY_PEER',
      `The mesh ended the connection: ${oneLine(error.message)}`,
      patience,
    );
  }
  return problem('MESH_CONNECTION_LOST', `The connection to the mesh was lost: ${oneLine(error.message)}`);
}

/** At most 200 characters of a peer's text, on one line, without the library's name in front. */
export function oneLine(text: string): string {
  return text
    .replace(/^@sap\/xb-msg-amqp-v100 [\d.]+ /u, '')
    .replace(/\s+/gu, ' ')
    .trim()
    .slice(0, 200);
}
