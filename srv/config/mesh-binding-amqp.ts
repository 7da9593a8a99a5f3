/** User-provided credentials of a plain AMQP 1.0 broker: an address and the dialect in which it names its queues. */
import { DIALECTS } from '../mesh/dialects.ts';
import { decodedPart } from '../platform/credential-text.ts';
import type { CredentialReader } from './credentials.ts';
import type { MeshBinding } from './mesh-binding.ts';

/**
 * `{"uri": "amqp://user:password@host:5672", "dialect", "namespace"?, "managementUri"?, "ca"?}`; user and password
 * leave the URI, so that it can be logged.
 * @throws ConfigurationError
 */
export function plainAmqp(credentials: CredentialReader): MeshBinding {
  const address = new URL(credentials.url('uri', ['amqp:', 'amqps:']));
  const given = credentials.text('user') ?? decodedPart(address.username);
  const password = credentials.text('password') ?? decodedPart(address.password);
  address.username = '';
  address.password = '';
  const dialect = DIALECTS.find((known) => known === credentials.text('dialect'));
  if (!dialect) return credentials.refuse(`needs "dialect": one of ${DIALECTS.join(', ')}`);
  // Without a user a RabbitMQ takes its default one, on loopback only.
  const [user, secret] =
    given === '' && dialect.startsWith('rabbitmq') ? ['guest', 'guest'] : [given, password];
  if (user === '' || secret === '')
    return credentials.refuse('names no user and password: put them into "uri"');
  const ca = credentials.pem('ca');
  const namespace = credentials.text('namespace');
  return {
    endpoint: {
      kind: 'amqp',
      uri: address.href,
      dialect,
      user,
      password: secret,
      ...(ca && { ca }),
    },
    ...(namespace && { namespace }),
    ...(credentials.has('managementUri') && {
      management: { kind: 'rabbitmq', uri: credentials.url('managementUri', ['http:', 'https:']) },
    }),
  };
}
