/**
 * Which response of a multipart batch belongs to which request. Pure. Responses that repeat a Content-ID are anchors; between two
 * anchors the others are taken by order if none is missing; behind the last anchor by order, since a batch that ends early ends there.
 */
import type { HttpPart } from './multipart-batch.ts';

/** What was answered to one changeset. */
export type UnitResponse =
  /** One response for all of it: the changeset failed, or held one request. */
  | { readonly kind: 'whole'; readonly answer: HttpPart }
  | { readonly kind: 'each'; readonly answers: readonly HttpPart[] }
  /** It has its place, but cannot be read. */
  | { readonly kind: 'unreadable' };

export interface Matching {
  /** By the item's place. */
  readonly matched: ReadonlyMap<number, HttpPart | 'rolled-back'>;
  /** Responses to nothing sent, or twice. */
  readonly ignored: number;
}

/** @param units places of the items that travelled in each changeset, in the order sent */
export function matchResponses(
  units: readonly (readonly number[])[],
  responses: readonly UnitResponse[],
): Matching {
  const matched = new Map<number, HttpPart | 'rolled-back'>();
  let ignored = 0;
  const unitNamed = (part: HttpPart) => units.findIndex((unit) => unit.includes(placeOf(part)));
  const anchors = responses.map((response) => anchorAmong(partsOf(response).map(unitNamed)));
  const places = placesInOrder(anchors, units.length);
  for (const [number, response] of responses.entries()) {
    const unit = units[places[number] ?? -1];
    if (unit === undefined) ignored += 1;
    else for (const [place, answer] of membersOf(unit, response)) matched.set(place, answer);
  }
  return { matched, ignored };
}

function membersOf(
  unit: readonly number[],
  response: UnitResponse,
): readonly (readonly [number, HttpPart | 'rolled-back'])[] {
  switch (response.kind) {
    case 'unreadable':
      return [];
    case 'whole': {
      // The culprit's where the response names one, else that of every member.
      const named = placeOf(response.answer);
      const isOther = (place: number) => unit.includes(named) && place !== named;
      return unit.map((place) => [place, isOther(place) ? 'rolled-back' : response.answer]);
    }
    case 'each': {
      const anchors = response.answers.map((answer) => anchorAmong([unit.indexOf(placeOf(answer))]));
      const places = placesInOrder(anchors, unit.length);
      return response.answers.flatMap((answer, number) => {
        const place = unit[places[number] ?? -1];
        return place === undefined ? [] : [[place, answer] as const];
      });
    }
  }
}

/** What none of ours may take. */
const IGNORED = -1;

/**
 * For each response its place among `count`; `IGNORED` where it has none.
 * @param anchors the place that each response names, undefined where it names none
 */
function placesInOrder(anchors: readonly (number | undefined)[], count: number): readonly number[] {
  // The first answer to a request counts.
  const places = anchors.map((place, at) =>
    place !== undefined && anchors.indexOf(place) < at ? IGNORED : place,
  );
  let known = -1;
  for (let at = 0; at < places.length; at += 1) {
    const place = places[at];
    if (place !== undefined) {
      known = Math.max(known, place);
      continue;
    }
    const next = places.findIndex((other, index) => index > at && other !== undefined && other !== IGNORED);
    const end = next === -1 ? places.length : next;
    const run = places.slice(at, end).filter((other) => other === undefined).length;
    const room = (places[next] ?? count) - known - 1;
    const fits = next === -1 ? run <= room : run === room;
    for (let index = at; index < end; index += 1) {
      if (places[index] === undefined) places[index] = fits ? (known += 1) : IGNORED;
    }
  }
  return places.map((place) => place ?? IGNORED);
}

function anchorAmong(places: readonly number[]): number | undefined {
  return places.find((place) => place >= 0);
}

function partsOf(response: UnitResponse): readonly HttpPart[] {
  switch (response.kind) {
    case 'whole':
      return [response.answer];
    case 'each':
      return response.answers;
    case 'unreadable':
      return [];
  }
}

/** The item that a Content-ID names; −1 for none of ours. */
function placeOf({ contentId }: HttpPart): number {
  return /^\d{1,6}$/.test(contentId ?? '') ? Number(contentId) - 1 : -1;
}
