/** What the adapters must know of the API, checked once: a wrong combination is refused before anything is sent. */

export type TerritoryProtocol = 'rest' | 'odata-v4' | 'odata-v2' | 'sales-cloud';

/** Type of the key property: decides how an id is written into an OData URL. */
export type KeyType = 'string' | 'guid' | 'int';

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

const PROTOCOLS: readonly string[] = ['rest', 'odata-v4', 'odata-v2', 'sales-cloud'];

/** True for one of the protocols' names, supported here or not. */
export function isProtocol(value: string): value is TerritoryProtocol {
  return PROTOCOLS.includes(value);
}

/** The collection's path without its last segment; `/` where nothing is left. */
export function serviceRootOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/**
 * Fills in defaults and checks what could only fail later.
 * @throws TerritoryApiSettingsError with one line for the first setting that is wrong.
 */
export function checkSettings(settings: TerritoryApiSettings): CheckedSettings {
  const path = checkPath('TERRITORY_PATH', settings.path ?? defaultPath(settings.protocol));
  const serviceRoot = checkPath('TERRITORY_SERVICE_ROOT', settings.serviceRoot ?? serviceRootOf(path));
  if (settings.protocol === 'odata-v4' && !isBelow(path, serviceRoot)) {
    throw new TerritoryApiSettingsError(
      `TERRITORY_PATH '${path}' is not below TERRITORY_SERVICE_ROOT '${serviceRoot}'; a $batch can only name what is below its service root`,
    );
  }
  if (!/^[A-Za-z_][A-Za-z0-9_.]{0,127}$/.test(settings.key)) {
    throw new TerritoryApiSettingsError(`TERRITORY_KEY '${settings.key}' is not a property name`);
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
