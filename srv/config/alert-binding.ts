/**
 * From the credentials of SAP Alert Notification to the endpoint that alerts are sent to. By shape: which of its four types a
 * binding has shows in what it holds. The names inside are not documented for all types, so each has a few, and
 * ALERT_CREDENTIAL_NAMES adds others.
 */
import type { AlertCredential, AlertEndpoint, AlertLogin } from '../alerts/endpoint.ts';
import type { ServiceBinding } from './bindings.ts';
import { CredentialReader } from './credentials.ts';

/** Other names that are tried after the first. */
const OTHER_NAMES: Partial<Readonly<Record<AlertCredential, readonly string[]>>> = {
  url: ['uri'],
  oauth_url: ['token_url', 'tokenurl', 'certurl'],
  client_id: ['clientid'],
  client_secret: ['clientsecret'],
  username: ['user'],
  certificate: ['cert'],
  private_key: ['key'],
};

/** Other names by what they stand for: `{ client_id: 'id' }`. */
export type AlertCredentialNames = Partial<Readonly<Record<AlertCredential, string | undefined>>>;

type NameOf = (wanted: AlertCredential) => string;

/**
 * @throws ConfigurationError naming what is missing, never a value
 */
export function readAlertBinding(binding: ServiceBinding, aliases: AlertCredentialNames = {}): AlertEndpoint {
  const reader = new CredentialReader(binding.name, binding.credentials);
  const nameOf: NameOf = (wanted) => {
    const names = [aliases[wanted] ?? wanted, wanted, ...(OTHER_NAMES[wanted] ?? [])];
    return names.find((name) => reader.has(name)) ?? aliases[wanted] ?? wanted;
  };
  const ca = reader.pem('ca');
  return {
    url: new URL(reader.url(nameOf('url'), ['https:'])).origin,
    login: loginOf(reader, nameOf),
    ...(ca !== undefined && { ca }),
  };
}

function loginOf(reader: CredentialReader, nameOf: NameOf): AlertLogin {
  const clientId = reader.text(nameOf('client_id'));
  const clientSecret = reader.text(nameOf('client_secret'));
  const certificate = reader.pem(nameOf('certificate'));
  const key = reader.pem(nameOf('private_key'));
  const hasCertificate = certificate !== undefined && key !== undefined;
  if (clientId !== undefined) {
    const tokenUrl = tokenUrlOf(reader.url(nameOf('oauth_url'), ['https:']));
    if (hasCertificate) return { kind: 'oauth-certificate', tokenUrl, clientId, certificate, key };
    if (clientSecret !== undefined) return { kind: 'oauth-secret', tokenUrl, clientId, clientSecret };
    return reader.refuse(
      'has a client id, and neither a "client_secret" nor a "certificate" with its "private_key"',
    );
  }
  const username = reader.text(nameOf('username'));
  const password = reader.text(nameOf('password'));
  if (username !== undefined && password !== undefined) return { kind: 'basic', username, password };
  if (hasCertificate) return { kind: 'certificate', certificate, key };
  return reader.refuse(
    'is of none of the four types: it needs "client_id" with "client_secret", "client_id" with "certificate" and "private_key", ' +
      '"username" with "password", or "certificate" with "private_key"; where they have other names, set ALERT_CREDENTIAL_NAMES',
  );
}

/** Some bindings hold the token endpoint's host, some its whole address, some with the grant in the query. */
function tokenUrlOf(url: string): string {
  return `${new URL(url).origin}/oauth/token`;
}
