/**
 * Where the database is, from what a binding says. Cloud Foundry's `postgresql-db` gives separate fields and certificates;
 * a user-provided service a `uri`. Read here and not by the driver, whose reading of `sslmode` differs from libpq's.
 */
import { isIP } from 'node:net';
import { decodedPart, pemOf, textOrNumberOf as text } from '../../platform/credential-text.ts';

export type Credentials = Readonly<Record<string, unknown>>;

export interface PostgresEndpoint {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
  /** Absent: not encrypted. */
  readonly tls?: PostgresTls;
}

export interface PostgresTls {
  /** Certificates of the authorities that are believed, PEM; absent: those that Node brings. */
  readonly ca?: string;
  /** The client's own, where the server asks for one. */
  readonly cert?: string;
  readonly key?: string;
  /** `none`: encrypted only. `chain`: the certificate has to be genuine. `name`: and made for this host. */
  readonly verify: 'none' | 'chain' | 'name';
}

/** The binding cannot be used as it is. */
export class PostgresSettingsError extends Error {
  readonly code = 'POSTGRES_SETTINGS';
}

const PORT = 5432;

/** As in libpq: https://www.postgresql.org/docs/current/libpq-ssl.html */
const VERIFY: Readonly<Record<string, PostgresTls['verify'] | 'off'>> = {
  disable: 'off',
  require: 'none',
  'verify-ca': 'chain',
  'verify-full': 'name',
};

/**
 * @param name of the binding, for messages
 * @throws PostgresSettingsError naming what is missing, never quoting a value
 */
export function readEndpoint(name: string, credentials: Credentials): PostgresEndpoint {
  const refuse = (why: string): never => {
    throw new PostgresSettingsError(`The binding ${name} ${why}.`);
  };
  const uri = text(credentials['uri']);
  const url = uri !== undefined && URL.canParse(uri) ? new URL(uri) : undefined;
  if (uri !== undefined && (!url || !/^postgres(ql)?:$/.test(url.protocol))) {
    refuse('has a wrong "uri": it must begin with postgres:// or postgresql://');
  }
  const host = text(credentials['hostname']) ?? text(credentials['host']) ?? decoded(url?.hostname);
  const user = text(credentials['username']) ?? text(credentials['user']) ?? decoded(url?.username);
  const database =
    text(credentials['dbname']) ?? text(credentials['database']) ?? decoded(url?.pathname.slice(1));
  if (host === undefined || user === undefined || database === undefined) {
    return refuse(
      'names no host, user or database: give them as "hostname", "username" and "dbname", or in a "uri"',
    );
  }
  const port = Number(text(credentials['port']) ?? (url?.port || PORT));
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    refuse('has a wrong "port": it must be 1 to 65535');
  const mode = text(credentials['sslmode']) ?? url?.searchParams.get('sslmode') ?? undefined;
  if (mode !== undefined && !(mode in VERIFY)) {
    refuse(`has a wrong "sslmode": it must be one of ${Object.keys(VERIFY).join(', ')}`);
  }
  const password = text(credentials['password']) ?? decoded(url?.password);
  const tls = readTls(credentials, host.replaceAll(/[[\]]/g, ''), mode);
  return {
    host: host.replaceAll(/[[\]]/g, ''),
    port,
    user,
    database,
    ...(password !== undefined && { password }),
    ...(tls && { tls }),
  };
}

/**
 * With certificates the server's is checked. Its name is not where the host is an address: managed databases that are reached
 * by one have an authority of their own, and certificates that bear another name.
 */
function readTls(credentials: Credentials, host: string, mode: string | undefined): PostgresTls | undefined {
  const [root, cert, key] = ['sslrootcert', 'sslcert', 'sslkey'].map((field) => pemOf(credentials[field]));
  // Without a key `sslcert` cannot be the client's: some bindings give the authority's certificate in both.
  const ca = root ?? (key === undefined ? cert : undefined);
  const wanted =
    mode === undefined ? (ca === undefined ? 'off' : isIP(host) ? 'chain' : 'name') : VERIFY[mode];
  if (wanted === undefined || wanted === 'off') return undefined;
  return { verify: wanted, ...(ca && { ca }), ...(key && cert && { cert, key }) };
}

function decoded(part: string | undefined): string | undefined {
  return part ? decodedPart(part) : undefined;
}
