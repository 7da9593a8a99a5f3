/** When a read proves that it is fresh: every request that it took said so, or the API has no late caches. */

/** What counts as proof; values of `X-Cache-Status` are compared without case. */
export interface ProofRule {
  readonly freshValues: readonly string[];
  readonly propagationOff: boolean;
}

/** What `X-Cache-Status` said over all requests of a read. */
export interface Freshness {
  readonly proof: boolean;
  /** The values seen, upper case, bounded in length; a request without the header adds none. */
  readonly cacheStatus: readonly string[];
}

const VALUE_LIMIT = 32;

/**
 * Judges the values of `X-Cache-Status`, one per request, undefined where a request's answer had none.
 * Several caches on the way may each have added a value: all of them must be fresh.
 */
export function judgeFreshness(headers: readonly (string | undefined)[], rule: ProofRule): Freshness {
  const fresh = new Set(rule.freshValues.map((value) => value.trim().toUpperCase()));
  const isFresh = (header: string | undefined) =>
    header !== undefined && header.split(',').every((value) => fresh.has(value.trim().toUpperCase()));
  return {
    proof: rule.propagationOff || (headers.length > 0 && headers.every(isFresh)),
    cacheStatus: headers.flatMap((header) =>
      header === undefined ? [] : [header.trim().toUpperCase().slice(0, VALUE_LIMIT)],
    ),
  };
}
