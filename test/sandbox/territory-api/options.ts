/** How a simulator is set up: one table of what can be chosen, its defaults, and the limits that hold. */
import type { FieldValidator } from './judge.ts';
import { V2_FORM, V4_FORM } from './odata-form.ts';
import type { OdataForm, OdataVersion } from './odata-form.ts';
import type { EntityKey } from './odata-key.ts';
import type { CacheModel } from './replicated-record.ts';
import type { Addressing } from './store.ts';
import { sandboxClock } from './time.ts';
import type { SandboxClock } from './time.ts';

/** Late caches: how many nodes, and how long each takes to learn of a write that another performed. */
export interface CacheOptions {
  readonly nodes?: number;
  readonly minLagMs?: number;
  readonly maxLagMs?: number;
}

/** Time a request takes: `baseMs`, plus up to `jitterMs` by the seed, plus `perRecordMs` for each record it names. */
export interface LatencyOptions {
  readonly baseMs?: number;
  readonly jitterMs?: number;
  readonly perRecordMs?: number;
}

export interface TerritoryApiOptions {
  /** TCP port on 127.0.0.1; 0, the default, takes a free one. */
  readonly port?: number;
  /** Path of the collection; default `/territory-api/v1/assignments`. May hold `{territoryId}`, once. */
  readonly path?: string;
  /** Where OData's `$batch` is; default the path without its last segment. */
  readonly serviceRoot?: string;
  /**
   * Path of the collection in protocol `sales-cloud`, with or without `{territoryId}` as `path`; default that of SAP Sales Cloud V2, or
   * below it where the path holds a territory.
   */
  readonly salesCloudPath?: string;
  /** Key property and type as OData shows them; default `id`, `string`. */
  readonly key?: EntityKey;
  /** Which OData it speaks; default `v4`. */
  readonly odata?: OdataVersion;
  /** Everything that looks like chance follows from it; default 1. */
  readonly seed?: number;
  /** Default 3 nodes, 2,000–5,000 ms; `off`: one node, no `X-Cache-Status`. */
  readonly caches?: CacheOptions | 'off';
  /** Default none. */
  readonly latency?: LatencyOptions;
  /** Multiplies propagation, latency and the foreign writers' interval: 0.01 makes 5 s 50 ms. Default 1. */
  readonly timeScale?: number;
  /** `off`: keys are ignored, as by most real servers. Default `per-record`. */
  readonly idempotency?: 'per-record' | 'off';
  /** Refuses fields with 400 by saying what is wrong with them; default accepts all. See `fieldTypes`. */
  readonly validateFields?: FieldValidator;
  /** Every request must carry it; default open. */
  readonly basicAuth?: { readonly username: string; readonly password: string };
  /** Most records in one request: 413 above; default 200. */
  readonly recordsMax?: number;
  /** Committed writes that the history holds before it refuses to answer; default 500,000. */
  readonly historyLimit?: number;
  /** Requests that the log holds, the oldest dropped first; default 20,000. */
  readonly requestLogLimit?: number;
  readonly clock?: SandboxClock;
}

/** Options with every default filled in and every time scaled. */
export interface Setup {
  readonly port: number;
  readonly path: string;
  readonly serviceRoot: string;
  readonly salesCloudPath: string;
  readonly key: EntityKey;
  readonly form: OdataForm;
  readonly seed: number;
  readonly addressing: Addressing;
  readonly caches: CacheModel;
  readonly showsCacheStatus: 'yes' | 'no';
  readonly latency: Required<LatencyOptions>;
  readonly timeScale: number;
  /** 0: off. */
  readonly idempotencyKeysMax: number;
  readonly validateFields: FieldValidator;
  readonly authorization: string | undefined;
  readonly recordsMax: number;
  readonly historyLimit: number;
  readonly requestLogLimit: number;
  readonly clock: SandboxClock;
}

const IDEMPOTENCY_KEYS_MAX = 200_000;
const NODES_MAX = 64;
const SALES_CLOUD_PATH = '/sap/c4c/api/v1/sales-territory-service/salesTerritories';

/** Fills in defaults; throws one line for a value that makes no sense. */
export function setupOf(options: TerritoryApiOptions): Setup {
  const { path = '/territory-api/v1/assignments', timeScale = 1, caches = {}, latency = {} } = options;
  const { idempotency = 'per-record', basicAuth } = options;
  demand(/^(\/[^/?#]+)+$/.test(path), `path must look like /a/b, not ${path}`);
  demand(path.split('{territoryId}').length <= 2, `path may hold {territoryId} once, not ${path}`);
  demand(timeScale > 0, `timeScale must be above 0, not ${timeScale}`);
  const { baseMs = 0, jitterMs = 0, perRecordMs = 0 } = latency;
  demand(Math.min(baseMs, jitterMs, perRecordMs) >= 0, 'latency must not be below 0');
  return {
    port: options.port ?? 0,
    path,
    serviceRoot: (options.serviceRoot ?? path.slice(0, path.lastIndexOf('/'))).replace(/\/$/, ''),
    salesCloudPath: salesCloudPath(path, options.salesCloudPath),
    key: options.key ?? { name: 'id', type: 'string' },
    form: options.odata === 'v2' ? V2_FORM : V4_FORM,
    seed: options.seed ?? 1,
    addressing: path.includes('{territoryId}') ? 'territory-and-id' : 'id',
    caches: cacheModel(caches, timeScale),
    showsCacheStatus: caches === 'off' ? 'no' : 'yes',
    latency: {
      baseMs: baseMs * timeScale,
      jitterMs: jitterMs * timeScale,
      perRecordMs: perRecordMs * timeScale,
    },
    timeScale,
    idempotencyKeysMax: idempotency === 'off' ? 0 : IDEMPOTENCY_KEYS_MAX,
    validateFields: options.validateFields ?? (() => undefined),
    authorization: basicAuth && `Basic ${btoa(`${basicAuth.username}:${basicAuth.password}`)}`,
    recordsMax: options.recordsMax ?? 200,
    historyLimit: options.historyLimit ?? 500_000,
    requestLogLimit: options.requestLogLimit ?? 20_000,
    clock: options.clock ?? sandboxClock,
  };
}

/** Both paths lead to the same records, so both name the territory or neither does. */
function salesCloudPath(path: string, given: string | undefined): string {
  const perTerritory = path.includes('{territoryId}');
  const chosen = given ?? (perTerritory ? `${SALES_CLOUD_PATH}/{territoryId}/members` : SALES_CLOUD_PATH);
  demand(
    chosen.includes('{territoryId}') === perTerritory,
    `path and salesCloudPath must both hold {territoryId} or neither, not ${chosen}`,
  );
  return chosen;
}

function cacheModel(caches: CacheOptions | 'off', timeScale: number): CacheModel {
  if (caches === 'off') return { nodes: 1, minLagMs: 0, maxLagMs: 0 };
  const { nodes = 3, minLagMs = 2000, maxLagMs = 5000 } = caches;
  demand(
    Number.isInteger(nodes) && nodes >= 1 && nodes <= NODES_MAX,
    `nodes must be 1 to ${NODES_MAX}, not ${nodes}`,
  );
  demand(minLagMs >= 0 && minLagMs <= maxLagMs, `lag must be 0 ≤ min ≤ max, not ${minLagMs} to ${maxLagMs}`);
  return { nodes, minLagMs: minLagMs * timeScale, maxLagMs: maxLagMs * timeScale };
}

function demand(holds: boolean, otherwise: string): void {
  if (!holds) throw new RangeError(`territory API simulator: ${otherwise}`);
}
