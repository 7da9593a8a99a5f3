/** The CSRF token of an API that asks for one (403 with `x-csrf-token: Required`): fetched once, kept, used until refused. */

/** A token with the cookies that it belongs to, as headers of the next request. */
export type CsrfSession = Readonly<Record<'x-csrf-token' | 'cookie', string>>;

/** True for the answer with which SAP systems ask for a token. */
export function asksForToken(status: number, headers: Readonly<Record<string, string>>): boolean {
  return status === 403 && headers['x-csrf-token']?.trim().toLowerCase() === 'required';
}

/** Reads token and cookies from the answer to a fetch; undefined where it holds no token. */
export function sessionFrom(
  headers: Readonly<Record<string, string>>,
  setCookies: readonly string[],
): CsrfSession | undefined {
  const token = headers['x-csrf-token']?.trim();
  if (!token || token.toLowerCase() === 'required' || token.length > 4_096) return undefined;
  const cookie = setCookies
    .map((line) => line.split(';', 1)[0]?.trim() ?? '')
    .filter((pair) => pair.includes('='))
    .join('; ');
  return { 'x-csrf-token': token, cookie };
}

export interface CsrfKeeper {
  current(): CsrfSession | undefined;
  /** A session other than the one that was refused; several callers share one fetch. Undefined where none could be had. */
  renew(
    refused: CsrfSession | undefined,
    fetch: () => Promise<CsrfSession | undefined>,
  ): Promise<CsrfSession | undefined>;
  drop(): void;
}

/** Keeps one session for all requests of a transport. */
export function createCsrfKeeper(): CsrfKeeper {
  let session: CsrfSession | undefined;
  let fetching: Promise<CsrfSession | undefined> | undefined;
  return {
    current: () => session,
    renew(refused, fetch) {
      if (session !== undefined && session !== refused) return Promise.resolve(session);
      fetching ??= fetch()
        .then((fetched) => (session = fetched))
        .finally(() => (fetching = undefined));
      return fetching;
    },
    drop() {
      session = undefined;
    },
  };
}
