/**
 * Whether the operations API may be served at all. It decides over changes and shows payloads, so it is open to nobody
 * who cannot be told apart: as long as users are not checked, only to callers on the machine itself.
 */
import { BlockList, isIP } from 'node:net';

export interface Surroundings {
  /** Address that the HTTP server binds. */
  readonly host: string;
  /** Cloud Foundry or Kubernetes runs the program. */
  readonly deployed: boolean;
  /** An xsuaa service is bound: whoever bound it expects that users are checked. */
  readonly xsuaa: boolean;
}

/** `line`: for the log at start; what is not served, why, and what to do. */
export type Exposure = { readonly kind: 'served' } | { readonly kind: 'withheld'; readonly line: string };

const WITHHELD = 'The operations API (/api/v1) is not served, only /health is:';
const INSTEAD =
  'Decide dead letters on the mesh (docs/deployment.md); where the API is needed, run the service undeployed, without xsuaa, on loopback.';

export function operationsExposure({ host, deployed, xsuaa }: Surroundings): Exposure {
  if (xsuaa) {
    return withheld(`an xsuaa service is bound, but this version cannot check its users yet. ${INSTEAD}`);
  }
  if (deployed) {
    return withheld(
      `deployed without an xsuaa binding, callers cannot be told apart, and with one not yet in this version. ${INSTEAD}`,
    );
  }
  if (!isLoopback(host)) {
    return withheld(`BIND_HOST ${host} can be reached from other machines. Set BIND_HOST to 127.0.0.1.`);
  }
  return { kind: 'served' };
}

/** True for `localhost` and for every address that leads to the machine itself. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true;
  const version = isIP(host);
  return version !== 0 && LOOPBACK.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

function withheld(why: string): Exposure {
  return { kind: 'withheld', line: `${WITHHELD} ${why}` };
}
