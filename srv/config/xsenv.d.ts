/** What is used of `@sap/xsenv`, which ships no types; its README and source are the reference. */
declare module '@sap/xsenv' {
  export interface BoundService {
    readonly name?: unknown;
    /** Cloud Foundry's label; absent in the layout of servicebinding.io, which has `type`. */
    readonly label?: unknown;
    readonly type?: unknown;
    readonly tags?: unknown;
    readonly credentials?: unknown;
  }

  /** Adds the variables of a JSON file to the environment; existing ones win, a missing file is no error. */
  export function loadEnv(file: string): void;

  /** Whole service objects, despite the README, of `VCAP_SERVICES`, else `SERVICE_BINDING_ROOT`, else `/etc/secrets/sapcp`. */
  export function filterServices(filter: (service: BoundService) => boolean): BoundService[];
}
