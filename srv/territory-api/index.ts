/** The one place that knows which adapter speaks which protocol. */
import type { Clock } from '../platform/clock.ts';
import type { Log } from '../platform/log.ts';
import { createTransport } from './destination.ts';
import type { RequestObserved, TraceRequest } from './destination.ts';
import type { DestinationSource } from './destination-source.ts';
import { createODataApi } from './odata/api.ts';
import { V2 } from './odata/v2.ts';
import { V4 } from './odata/v4.ts';
import type { TerritoryApi } from './port.ts';
import { createRestApi } from './rest.ts';
import { createSalesCloudApi } from './sales-cloud.ts';
import { checkSettings } from './settings.ts';
import type { TerritoryApiSettings } from './settings.ts';

export { DestinationError } from './destination-source.ts';
export { readDestinationProperties, withDestinationProperties } from './destination-properties.ts';
export type { DestinationProperties } from './destination-properties.ts';
export type { RequestObserved } from './destination.ts';
export { TerritoryApiDefect } from './defect.ts';
export { isProtocol, TerritoryApiSettingsError } from './settings.ts';
export type { FieldType, KeyType, TerritoryApiSettings, TerritoryProtocol } from './settings.ts';

export interface TerritoryApiDependencies {
  readonly clock: Clock;
  readonly log: Log;
  /** Where the destination comes from; by default a source of its own. */
  readonly source?: DestinationSource;
  /** Called once for every request on the wire; must not throw. */
  readonly onRequest?: (observed: RequestObserved) => void;
  /** Called before every request on the wire; must not throw. */
  readonly trace?: TraceRequest;
}

/**
 * The territory API in the protocol of the settings; nothing is sent and no destination looked up before its first use.
 * @throws TerritoryApiSettingsError for settings that cannot work.
 */
export function createTerritoryApi(
  settings: TerritoryApiSettings,
  { clock, log, source, onRequest, trace }: TerritoryApiDependencies,
): TerritoryApi {
  const checked = checkSettings(settings);
  const transport = createTransport({
    destinationName: checked.destination,
    timeoutMs: checked.timeoutMs,
    clock,
    log,
    ...(source !== undefined && { source }),
    ...(onRequest !== undefined && { onRequest }),
    ...(trace !== undefined && { trace }),
  });
  switch (checked.protocol) {
    case 'rest':
      return createRestApi(checked, { transport, clock, log });
    case 'odata-v4':
      return createODataApi(checked, V4, { transport, clock, log });
    case 'odata-v2':
      return createODataApi(checked, V2, { transport, clock, log });
    case 'sales-cloud':
      return createSalesCloudApi(checked, { transport, clock, log });
  }
}
