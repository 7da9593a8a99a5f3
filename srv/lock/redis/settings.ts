/**
 * Where Redis is, from what a binding says. SAP BTP's `redis-cache` gives separate fields (`hostname`, `port`, `password`, `tls`,
 * `cluster_mode`) and a `uri`; a user-provided service a `uri`, `redis://` or, encrypted, `rediss://`.
 */
import { isIP } from 'node:net';
import { decodedPart, pemOf, textOrNumberOf as text } from '../../platform/credential-text.ts';

export type Credentials = Readonly<Record<string, unknown>>;

export interface RedisEndpoint {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  /** Number of the database; a cluster has none but 0. */
  readonly database: number;
  /** `cluster`: the host is one of several, each with a part of the keys. */
  readonly mode: 'single' | 'cluster';
  /** Absent: not encrypted. */
  readonly tls?: RedisTls;
}

export interface RedisTls {
  /** Certificates of the authorities that are believed, PEM; absent: those that Node brings. */
  readonly ca?: string;
  /** The client's own, where the server asks for one. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that certificates must bear, of every node of a cluster; absent: any name, where only an address is known. */
  readonly name?: string;
}

/** The binding cannot be used as it is. */
export class RedisSettingsError extends Error {
  readonly code = 'REDIS_SETTINGS';
}

const PORT = 6379;

/**
 * @param name of the binding, for messages
 * @throws RedisSettingsError naming what is missing or wrong, never quoting a value
 */
export function readEndpoint(name: string, credentials: Credentials): RedisEndpoint {
  const refuse = (why: string): never => {
    throw new RedisSettingsError(`The binding ${name} ${why}.`);
  };
  const uri = text(credentials['uri']);
  const url = uri !== undefined && URL.canParse(uri) ? new URL(uri) : undefined;
  if (uri !== undefined && (!url || !/^rediss?:$/.test(url.protocol))) {
    refuse('has a wrong "uri": it must begin with redis:// or rediss://');
  }
  const host = (text(credentials['hostname']) ?? decoded(url?.hostname))?.replaceAll(/[[\]]/g, '');
  if (host === undefined || host === '') {
    return refuse('names no host: give it as "hostname", or in a "uri"');
  }
  const port = Number(text(credentials['port']) ?? (url?.port || PORT));
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    refuse('has a wrong "port": it must be 1 to 65535');
  }
  const database = Number(url?.pathname.slice(1) || 0);
  if (!Number.isInteger(database) || database < 0) {
    refuse('has a wrong "uri": its path must be the number of a database');
  }
  const mode = isTrue(credentials['cluster_mode']) ? 'cluster' : 'single';
  if (mode === 'cluster' && database !== 0) refuse('names a database of a cluster: a cluster has none but 0');
  const username = text(credentials['username']) ?? decoded(url?.username);
  const password = text(credentials['password']) ?? decoded(url?.password);
  const encrypted = isTrue(credentials['tls']) || url?.protocol === 'rediss:';
  return {
    host,
    port,
    database,
    mode,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(encrypted && { tls: readTls(credentials, host) }),
  };
}

function readTls(credentials: Credentials, host: string): RedisTls {
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((field) => pemOf(credentials[field]));
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && key !== undefined && { cert, key }),
    // By an address, only an authority of the binding's own is worth anything: its certificates may bear another name.
    ...(!(isIP(host) && ca !== undefined) && { name: host }),
  };
}

/** Files and user-provided services have texts where Cloud Foundry has booleans. */
function isTrue(value: unknown): boolean {
  return value === true || (typeof value === 'string' && value.trim().toLowerCase() === 'true');
}

function decoded(part: string | undefined): string | undefined {
  return part ? decodedPart(part) : undefined;
}
