/**
 * A certificate authority of the test's own, made anew each time: no key lies in the repository, and no certificate there can expire.
 * Node makes keys and signatures but no certificates, so their DER is put together here (RFC 5280).
 */
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

export interface Certified {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

export interface Authority {
  /** PEM of the authority's own certificate. */
  readonly ca: string;
  /** A certificate for the address 127.0.0.1, or for another name. */
  certify(host?: string): Certified;
}

export function createAuthority(name = 'Test Authority'): Authority {
  const own = newKeys();
  const ca = certificate({
    issuer: name,
    subject: name,
    keys: own,
    signer: own.privateKey,
    extensions: [authority],
  });
  return {
    ca,
    certify(host = '127.0.0.1') {
      const keys = newKeys();
      const extensions = [alternativeName(host)];
      return {
        cert: certificate({ issuer: name, subject: host, keys, signer: own.privateKey, extensions }),
        key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      };
    },
  };
}

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const newKeys = (): Keys => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

interface Wanted {
  readonly issuer: string;
  readonly subject: string;
  readonly keys: Keys;
  readonly signer: KeyObject;
  readonly extensions: readonly Buffer[];
}

function certificate({ issuer, subject, keys, signer, extensions }: Wanted): string {
  const body = sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(15)])),
    ecdsaWithSha256,
    commonName(issuer),
    sequence(time('20200101000000Z'), time('20991231235959Z')),
    commonName(subject),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions)),
  );
  const signature = tagged(0x03, Buffer.of(0), sign('sha256', body, signer));
  const base64 = sequence(body, ecdsaWithSha256, signature).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/gu, '$&\n')}\n-----END CERTIFICATE-----\n`;
}

function tagged(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => tagged(0x30, ...parts);
const integer = (bytes: Buffer): Buffer => tagged(0x02, bytes);
const time = (text: string): Buffer => tagged(0x18, Buffer.from(text));
const objectId = (hex: string): Buffer => tagged(0x06, Buffer.from(hex, 'hex'));
const octets = (content: Buffer): Buffer => tagged(0x04, content);

const ecdsaWithSha256 = sequence(objectId('2a8648ce3d040302'));
const critical = tagged(0x01, Buffer.of(0xff));
const authority = sequence(objectId('551d13'), critical, octets(sequence(critical)));

const commonName = (name: string): Buffer =>
  sequence(tagged(0x31, sequence(objectId('550403'), tagged(0x0c, Buffer.from(name)))));

function alternativeName(host: string): Buffer {
  const octetsOfAddress = /^[\d.]+$/u.test(host) ? host.split('.').map(Number) : undefined;
  const name =
    octetsOfAddress === undefined
      ? tagged(0x82, Buffer.from(host))
      : tagged(0x87, Buffer.from(octetsOfAddress));
  return sequence(objectId('551d11'), octets(sequence(name)));
}
