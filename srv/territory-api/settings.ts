/** What the adapters must know of the API, checked once: a wrong combination is refused before anything is sent. */
import type { KeyType } from '../events/assignment-key.ts';

/** The protocols by name. */
export const PROTOCOLS = ['rest', 'odata-v4', 'odata-v2', 'sales-cloud'] as const;

export type TerritoryProtocol = (typeof PROTOCOLS)[number];

export type { KeyType } from '../events/assignment-key.ts';

/** Type of a field in OData's terms; `date` is a day without a time. */
export type FieldType =
  | 'string'
  | 'int'
  | 'int64'
  | 'decimal'
  | 'double'
  | 'boolean'
  | 'date'
  | 'datetime'
  | 'datetimeoffset'
  | 'time'
  | 'guid';

export interface TerritoryApiSettings {
  /** Name of the SAP Cloud SDK destination. */
  readonly destination: string;
  readonly protocol: TerritoryProtocol;
  /** Collection below the destination's URL, for example `/territory-api/v1/assignments`; may contain `{territoryId}`. */
  readonly path?: string;
  /** OData service root below the destination's URL; default: `path` without its last segment. */
  readonly serviceRoot?: string;
  /** Key property of an assignment (OData); `rest` always says `id`. */
  readonly key: string;
  readonly keyType: KeyType;
  /** Property by which an event's id is found where it is not the key (OData). */
  readonly lookup?: string;
  /** Types of fields (OData); undefined: the API's `$metadata` tells. */
  readonly fieldTypes?: Readonly<Record<string, FieldType>>;
  /** A change's records are one transaction (OData). */
  readonly atomic?: boolean;
  /** Longest wait for one answer, milliseconds. */
  readonly timeoutMs: number;
  /** Values of `X-Cache-Status` that prove a fresh answer. */
  readonly freshValues: readonly string[];
  /** True: the API has no late caches, so every read is proof. */
  readonly propagationOff: boolean;
}

/** Settings with every default filled in. */
export interface CheckedSettings extends TerritoryApiSettings {
  readonly path: string;
  readonly serviceRoot: string;
}

/** A setting of the territory API that cannot work; the message names the setting, the value and what is allowed. */
export class TerritoryApiSettingsError extends Error {
  readonly code = 'TERRITORY_API_SETTINGS';
  override readonly name = 'TerritoryApiSettingsError';
}

/** Where the program's own protocols have the assignments of all territories, and where SAP has those of one. */
const DEFAULT_PATHS: Readonly<Record<TerritoryProtocol, string>> = {
  rest: '/territory-api/v1/assignments',
  'odata-v4': '/territory-api/v1/assignments',
  'odata-v2': "/sap/c4c/odata/v1/c4codataapi/SalesTerritoryCollection('{territoryId}')/SalesTerritoryTeam",
  'sales-cloud': '/sap/c4c/api/v1/sales-territory-service/salesTerritories',
};

/** The path of the collection where `TERRITORY_PATH` and the destination name none. */
export function defaultPath(protocol: TerritoryProtocol): string {
  return DEFAULT_PATHS[protocol];
}

/** True for one of the protocols' names, supported here or not. */
export function isProtocol(value: string): value is TerritoryProtocol {
  return PROTOCOLS.some((known) => known === value);
}

/**
 * The collection's path without its last segment, and without the entity through which it leads, as in `/svc/Sets('key')/Children`;
 * `/` where nothing is left.
 */
export function serviceRootOf(path: string): string {
  const through = /\/[^/]*\([^/]*\)\//.exec(path);
  return path.slice(0, through?.index ?? path.lastIndexOf('/')) || '/';
}

/**
 * Fills in defaults and checks what could only fail later.
 * @throws TerritoryApiSettingsError with one line for the first setting that is wrong.
 */
export function checkSettings(settings: TerritoryApiSettings): CheckedSettings {
  const path = checkPath('TERRITORY_PATH', settings.path ?? defaultPath(settings.protocol));
  const serviceRoot = checkPath('TERRITORY_SERVICE_ROOT', settings.serviceRoot || serviceRootOf(path));
  const isOData = settings.protocol === 'odata-v4' || settings.protocol === 'odata-v2';
  if (isOData && !isBelow(path, serviceRoot)) {
    throw new TerritoryApiSettingsError(
      `TERRITORY_PATH '${path}' is not below TERRITORY_SERVICE_ROOT '${serviceRoot}'; a $batch can only name what is below its service root`,
    );
  }
  if (!/^[A-Za-z_][A-Za-z0-9_.]{0,127}$/.test(settings.key)) {
    throw new TerritoryApiSettingsError(`TERRITORY_KEY '${settings.key}' is not a property name`);
  }
  if (settings.lookup !== undefined && !isOData) {
    throw new TerritoryApiSettingsError(
      `TERRITORY_LOOKUP is set and TERRITORY_PROTOCOL is ${settings.protocol}: only odata-v4 and odata-v2 look ids up; remove it or choose another protocol`,
    );
  }
  if (settings.atomic && !isOData) {
    throw new TerritoryApiSettingsError(
      `TERRITORY_ATOMIC is true and the protocol is ${settings.protocol}: only odata-v4 and odata-v2 have transactions; set it to false or choose another protocol`,
    );
  }
  return { ...settings, path, serviceRoot };
}

/** True where `path` names something below `root`. */
export function isBelow(path: string, root: string): boolean {
  return path.startsWith(root.endsWith('/') ? root : `${root}/`);
}

function checkPath(setting: string, path: string): string {
  const trimmed = path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
  const segments = trimmed.split('/').slice(1);
  const wrong =
    !trimmed.startsWith('/') ||
    (trimmed !== '/' && segments.some((segment) => segment === '' || segment === '.' || segment === '..')) ||
    /[?#\s\\]/.test(trimmed);
  if (wrong) {
    throw new TerritoryApiSettingsError(
      `${setting} '${path}' is not a path; allowed is one like '${DEFAULT_PATHS.rest}', below the destination's URL, without query`,
    );
  }
  return trimmed;
}
