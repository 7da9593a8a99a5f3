/**
 * From the credentials of a messaging service to the endpoint that the mesh connects to. Pure, and by shape: a
 * user-provided service may hold a copy of SAP's credentials or a plain AMQP address.
 */
import type { MeshEndpoint, MeshManagement, OAuthClient } from '../mesh/endpoint.ts';
import { plainAmqp } from './mesh-binding-amqp.ts';
import { CredentialReader } from './credentials.ts';
import { ConfigurationError } from './problems.ts';
import type { ServiceBinding } from './bindings.ts';

export interface MeshBinding {
  readonly endpoint: MeshEndpoint;
  /** Prefix of this client's names on the mesh, where the binding says one. */
  readonly namespace?: string;
  /** Where queues are created, where the binding says it. */
  readonly management?: MeshManagement;
}

const INTEGRATION_SUITE = 'event-mesh-message-client';
const INTEGRATION_SUITE_BASE = '/sap-event-mesh/rest/api/v1';

/**
 * @param binding the bound messaging service, undefined where there is none
 * @throws ConfigurationError naming what is missing and which option of the service descriptor brings it
 */
export function readMeshBinding(binding: ServiceBinding | undefined): MeshBinding {
  if (!binding) {
    throw new ConfigurationError([
      'No mesh is bound: bind a service enterprise-messaging or event-mesh-message-client, or a user-provided ' +
        'service with the tag mesh.',
    ]);
  }
  const credentials = new CredentialReader(binding.name, binding.credentials);
  if (credentials.has('messaging')) return eventMesh(credentials, binding.label);
  if (credentials.has('uri')) return plainAmqp(credentials);
  return credentials.refuse(
    binding.label === 'user-provided'
      ? 'has neither "uri" nor "messaging": give it {"uri": "amqp://user:password@host:5672", "dialect": "…"}'
      : 'has no "messaging": set options.messaging to true in the service descriptor, then update the instance and ' +
          'bind it again',
  );
}

/** Credentials as SAP Event Mesh hands them out, standalone or as a capability of SAP Integration Suite. */
function eventMesh(credentials: CredentialReader, label: string): MeshBinding {
  // By protocol, never by place in the list: MQTT and REST entries stand beside it in any order.
  const messaging = credentials
    .list('messaging')
    .find((entry) => entry.strings('protocol').includes('amqp10ws'));
  if (!messaging) {
    return credentials.refuse(
      'has no "messaging" entry with protocol amqp10ws: set options.messaging to true in the service descriptor, then ' +
        'update the instance and bind it again',
    );
  }
  const uri = messaging.url('uri', ['ws:', 'wss:']);
  const management = credentials.list('management')[0];
  const namespace = credentials.text('namespace');
  const ca = credentials.pem('ca');
  return {
    endpoint: {
      kind: 'websocket',
      uri,
      dialect: 'event-mesh',
      oauth: oauth(credentials, messaging),
      ...(ca && { ca }),
    },
    ...(namespace && { namespace }),
    ...(management && {
      management: {
        kind: 'event-mesh',
        uri: managementUri(management.url('uri', ['http:', 'https:']), label),
        oauth: oauth(credentials, management),
      },
    }),
  };
}

/** Integration Suite has the same API below another base than the standalone service. */
function managementUri(uri: string, label: string): string {
  const atRoot = new URL(uri).pathname === '/';
  return label === INTEGRATION_SUITE && atRoot ? new URL(INTEGRATION_SUITE_BASE, uri).href : uri;
}

/**
 * OAuth of one entry. With a certificate, which stands in `uaa`, in `oa2` or at the top of the credentials, the token
 * comes from the certificate's own host (`certurl`) where one is named; SAP documents no binding of this kind in full.
 */
function oauth(credentials: CredentialReader, entry: CredentialReader): OAuthClient {
  const oa2 = entry.part('oa2');
  const uaa = credentials.part('uaa');
  const clientId = oa2.text('clientid') ?? uaa.text('clientid');
  if (!clientId) return entry.refuse('has no oa2.clientid: delete the binding and bind the service again');
  const holder = [uaa, oa2, credentials].find((part) => part.text('certificate'));
  if (!holder) {
    const clientSecret = oa2.text('clientsecret');
    if (clientSecret)
      return { tokenUrl: oa2.url('tokenendpoint', ['http:', 'https:']), clientId, clientSecret };
    return entry.refuse(
      'has neither oa2.clientsecret nor a certificate: delete the binding and bind the service again',
    );
  }
  const [certificate, key] = [holder.pem('certificate'), holder.pem('key')];
  if (!certificate || !key) {
    return holder.refuse('has a certificate but no key: bind the service again with credential-type x509');
  }
  const certHost = [uaa, oa2].find((part) => part.text('certurl'));
  const tokenUrl = certHost
    ? `${certHost.url('certurl', ['http:', 'https:']).replace(/\/$/, '')}/oauth/token`
    : oa2.url('tokenendpoint', ['http:', 'https:']);
  return { tokenUrl, clientId, certificate, key };
}
