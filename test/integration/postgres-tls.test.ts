/** The PostgreSQL journal over TLS, with the certificates that bindings bring. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createServer as createSecureServer, type TlsOptions } from 'node:tls';
import { expect, it } from 'vitest';
import { createPostgresJournal } from '../../srv/journal/postgres/index.ts';
import { createRecordingLog } from '../doubles/recording-log.ts';
import { closedAfterEach } from '../system/closing.ts';
import { journalOptions } from './journal-options.ts';
import { createAuthority } from './own-authority.ts';
import { databaseForAll, describeOnPostgres } from './postgres-tests.ts';

describeOnPostgres('The PostgreSQL journal over TLS', () => {
  const trusted = createAuthority();
  const stranger = createAuthority('A Stranger');
  const database = databaseForAll('running');
  const open = closedAfterEach();

  /** Connects with these credentials through a TLS front; answers the state after the first try, and what was said. */
  const tryWith = async (server: TlsOptions, credentials: object): Promise<string> => {
    const front = await tlsFront(Number(new URL(database.credentials.uri).port), server);
    open.push(() => front.stop());
    const log = createRecordingLog();
    const uri = new URL(database.credentials.uri);
    uri.port = String(front.port);
    const journal = createPostgresJournal(
      journalOptions({ credentials: { uri: uri.href, ...credentials } }, { log }),
    );
    const started = journal.start();
    await expect.poll(() => log.lines.length, { timeout: 5000 }).toBeGreaterThan(0);
    const { status, reason = '' } = journal.check();
    await journal.close();
    await started;
    return `${status} ${reason}`.trim();
  };

  it('connects where the server’s certificate is of the authority in the binding', async () => {
    const ca = trusted.ca;
    expect(await tryWith(trusted.certify(), { sslrootcert: ca })).toBe('UP');
    // Reached by its address, so the name in the certificate may be another one.
    expect(await tryWith(trusted.certify('instance.of.a.cloud'), { sslrootcert: ca })).toBe('UP');
    expect(await tryWith(trusted.certify('localhost'), { hostname: 'localhost', sslrootcert: ca })).toBe(
      'UP',
    );
  });

  it('refuses a stranger, and by name also what was made for another host', async () => {
    expect(await tryWith(stranger.certify(), { sslrootcert: trusted.ca })).toMatch(/^DOWN .*certificate/);
    const credentials = { hostname: 'localhost', sslrootcert: trusted.ca };
    expect(await tryWith(trusted.certify('instance.of.a.cloud'), credentials)).toMatch(/^DOWN .*altnames/);
  });

  it('shows its own certificate where the binding has one', async () => {
    const own = trusted.certify('client');
    const server = { ...trusted.certify(), requestCert: true, rejectUnauthorized: true, ca: trusted.ca };
    const certificates = { sslrootcert: trusted.ca, sslcert: own.cert, sslkey: own.key };
    expect(await tryWith(server, certificates)).toBe('UP');
    expect(await tryWith(server, { sslrootcert: trusted.ca })).toMatch(/^DOWN/);
  });
});

/** A server that takes TLS as PostgreSQL does, after being asked for it, and leads to one without. */
async function tlsFront(
  plainPort: number,
  options: TlsOptions,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const keep = <S extends Socket>(socket: S): S => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    return socket;
  };
  const secureServer = createSecureServer(options, (secure) => {
    const far = keep(connect(plainPort, '127.0.0.1'));
    keep(secure).pipe(far).pipe(secure);
    secure.on('close', () => far.destroy());
    far.on('close', () => secure.destroy());
  });
  // Node leaves the connection of a client that it refuses open.
  secureServer.on('tlsClientError', () => sockets.forEach((socket) => socket.destroy()));
  const server = createServer((near) => {
    keep(near).once('data', () => {
      near.write('S');
      secureServer.emit('connection', near);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      sockets.forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
