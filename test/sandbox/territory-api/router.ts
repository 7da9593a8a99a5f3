/**
 * Which protocol and which record a path means. `rest` and `odata-v4` live on the same collection and never look alike; `sales-cloud` has
 * a path of its own.
 */
import { batchCall } from './odata-batch.ts';
import type { OdataForm } from './odata-form.ts';
import type { EntityKey } from './odata-key.ts';
import { multipartCall } from './odata-multipart.ts';
import { odataCall, odataEntityItem, odataSetItem } from './odata.ts';
import type { EntitySet, OdataItem } from './odata.ts';
import { ProtocolRefusalError } from './protocol.ts';
import type { Call, Exchange } from './protocol.ts';
import { decode } from './query.ts';
import { restCall, restElementCall } from './rest.ts';
import { salesCloudElementCall, salesCloudSetCall } from './sales-cloud.ts';

export interface RouterOptions {
  /** Path of the collection; may hold `{territoryId}`. */
  readonly path: string;
  /** Where `$batch` is; may hold it too. */
  readonly serviceRoot: string;
  /** Path of the collection in protocol `sales-cloud`; may hold it too. */
  readonly salesCloudPath: string;
  readonly key: EntityKey;
  readonly form: OdataForm;
  /** Most records in one request. */
  readonly recordsMax: number;
}

type Target =
  | { readonly kind: 'batch' }
  | { readonly kind: 'set'; readonly set: EntitySet }
  /** `set(key)` */
  | { readonly kind: 'entity'; readonly set: EntitySet; readonly predicate: string }
  /** `set/id` */
  | { readonly kind: 'element'; readonly set: EntitySet; readonly id: string };

export class Router {
  readonly #options: RouterOptions;
  readonly #collection: RegExp;
  readonly #batch: RegExp;
  readonly #salesCloud: RegExp;

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#collection = new RegExp(`^${pattern(options.path)}(?:\\((?<predicate>.+)\\)|/(?<id>[^/]+))?/?$`);
    this.#batch = new RegExp(`^${pattern(options.serviceRoot)}/(?:\\$|%24)batch$`);
    this.#salesCloud = new RegExp(`^${pattern(options.salesCloudPath)}(?:/(?<id>[^/]+))?/?$`);
  }

  /** Understands a request, or throws {@link ProtocolRefusalError}. */
  call(exchange: Exchange): Call {
    const salesCloud = this.#salesCloud.exec(exchange.path)?.groups;
    if (salesCloud !== undefined) return this.#salesCloudCall(exchange, salesCloud);
    const target = this.#target(exchange.path);
    switch (target.kind) {
      case 'batch':
        return this.#batchCall(exchange);
      case 'entity':
        return odataCall(odataEntityItem(exchange, target.set, target.predicate));
      case 'element': {
        const { territoryId } = target.set;
        return restElementCall(exchange, {
          id: target.id,
          ...(territoryId !== undefined && { territoryId }),
        });
      }
      case 'set':
        return isOdata(exchange)
          ? odataCall(odataSetItem(exchange, target.set))
          : restCall(exchange, target.set);
    }
  }

  #salesCloudCall(exchange: Exchange, groups: Readonly<Record<string, string | undefined>>): Call {
    const { key, recordsMax } = this.#options;
    const territory = groups['territoryId'] !== undefined && { territoryId: decode(groups['territoryId']) };
    const id = groups['id'];
    return id === undefined
      ? salesCloudSetCall(exchange, { ...territory, keyName: key.name, recordsMax })
      : salesCloudElementCall(exchange, { ...territory, id: decode(id) }, key.name);
  }

  #batchCall(exchange: Exchange): Call {
    const { form, recordsMax } = this.#options;
    const parseItem = (member: Exchange) => this.#item(member);
    switch (form.version) {
      case 'v4':
        return batchCall(exchange, recordsMax, parseItem);
      case 'v2':
        return multipartCall(exchange, recordsMax, form, parseItem);
    }
  }

  /** A member of a batch: always OData. */
  #item(exchange: Exchange): OdataItem {
    const target = this.#target(exchange.path);
    switch (target.kind) {
      case 'set':
        return odataSetItem(exchange, target.set);
      case 'entity':
        return odataEntityItem(exchange, target.set, target.predicate);
      case 'batch':
      case 'element':
        throw notFound();
    }
  }

  /** Inside `'…'` a quote of the territory's name comes doubled. */
  #territory(encoded: string): string {
    const territoryId = decode(encoded);
    return this.#options.path.includes("'{territoryId}'") ? territoryId.replaceAll("''", "'") : territoryId;
  }

  #target(path: string): Target {
    if (this.#batch.test(path)) return { kind: 'batch' };
    const groups = this.#collection.exec(path)?.groups;
    if (groups === undefined) throw notFound();
    const { territoryId, predicate, id } = groups;
    const { key, form, recordsMax } = this.#options;
    const set = {
      key,
      form,
      recordsMax,
      ...(territoryId !== undefined && { territoryId: this.#territory(territoryId) }),
    };
    if (predicate !== undefined) return { kind: 'entity', set, predicate };
    return id === undefined ? { kind: 'set', set } : { kind: 'element', set, id: decode(id) };
  }
}

/** On the collection itself: creates are OData's, bulk writes are rest's, and only OData has `$` parameters. */
function isOdata({ method, query }: Exchange): boolean {
  if (method === 'POST') return true;
  return (method === 'GET' || method === 'HEAD') && /(^|&)(\$|%24)/.test(query);
}

/** What stands for the territory is one segment or a part of one, as in `Territories('{territoryId}')`. */
function pattern(path: string): string {
  const literal = path.split('{territoryId}').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return literal.join('(?<territoryId>[^/]+)');
}

function notFound(): ProtocolRefusalError {
  return new ProtocolRefusalError(404, 'NOT_FOUND', 'nothing is served at this path');
}
