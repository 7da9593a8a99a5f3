import { describe, expect, test } from 'vitest';
import { oneLine, readProblem } from '../../../srv/mesh/problem.ts';

const library = '@sap/xb-msg-amqp-v100 0.9.58';
const upgrade = (status: number, body = ''): Error =>
  new Error(`${library} [252] web socket error, upgrade request failed, code ${status} Some Words, ${body}`);

describe('why there is no connection', () => {
  test.each([
    [upgrade(401), 'MESH_UNAUTHORIZED', 'usual'],
    [upgrade(403), 'MESH_FORBIDDEN', 'usual'],
    [upgrade(404), 'MESH_WRONG_PATH', 'usual'],
    [upgrade(429), 'MESH_OVERLOADED', 'long'],
    [upgrade(503), 'MESH_OVERLOADED', 'long'],
    [upgrade(500), 'MESH_UPGRADE_REFUSED', 'usual'],
    [
      new Error(`${library} [251] web socket error, upgrade request aborted by broker`),
      'MESH_UPGRADE_REFUSED',
      'usual',
    ],
    [
      upgrade(503, 'connection to broker failed (220012) [too much connections]'),
      'MESH_CONNECTION_LIMIT',
      'long',
    ],
    [new Error(`${library} [359] sasl mechanism "PLAIN" failed due to …`), 'MESH_LOGIN_REFUSED', 'usual'],
    [
      new Error(`${library} [404] connect failed, service not available (ECONNREFUSED)`),
      'MESH_UNREACHABLE',
      'usual',
    ],
    [Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }), 'MESH_UNREACHABLE', 'usual'],
    [Object.assign(new Error('expired'), { code: 'CERT_HAS_EXPIRED' }), 'MESH_TLS', 'usual'],
    [
      Object.assign(new Error('going down'), { condition: 'amqp:connection:forced' }),
      'MESH_CLOSED_BY_PEER',
      'usual',
    ],
    [
      Object.assign(new Error('quota'), { condition: 'amqp:resource-limit-exceeded' }),
      'MESH_CLOSED_BY_PEER',
      'long',
    ],
    [Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }), 'MESH_CONNECTION_LOST', 'usual'],
    [undefined, 'MESH_CONNECTION_LOST', 'usual'],
  ])('%s', (error, code, patience) => {
    expect(readProblem(error)).toMatchObject({ code, patience });
  });

  test('never repeats the body of an answer, which may hold what was sent', () => {
    expect(readProblem(upgrade(403, 'token eyJhbGciOi')).message).not.toContain('eyJ');
  });

  test("a peer's text is one line of bounded length", () => {
    expect(oneLine(`${library} [500] a\n  b`)).toBe('[500] a b');
    expect(oneLine('x'.repeat(1_000))).toHaveLength(200);
  });
});
