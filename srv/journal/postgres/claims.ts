/**
 * The lanes that this instance's flights have, as far as it knows: to end a flight's place among all flights with its last
 * lane, and to give back at the end what is left. The database decides who owns a lane; nothing here is relied upon for it.
 */
import type { LaneClaim } from '../port.ts';

interface Held extends LaneClaim {
  readonly flight: string;
}

export class Claims {
  /** By territory: a later claim of the same lane replaces an earlier one, so there are never more than lanes. */
  private readonly held = new Map<string, Held>();

  add(flight: string, lanes: readonly LaneClaim[]): void {
    for (const { territoryId, fence } of lanes) this.held.set(territoryId, { territoryId, fence, flight });
  }

  /** Flights of these claims. */
  flightsOf(claims: readonly LaneClaim[]): readonly string[] {
    return [...new Set(claims.flatMap((claim) => this.find(claim)?.flight ?? []))];
  }

  /** Flights that have no other lanes than these. */
  flightsOnlyOf(claims: readonly LaneClaim[]): readonly string[] {
    const mine = new Set(claims.map((claim) => this.find(claim)));
    const others = new Set(
      [...this.held.values()].filter((held) => !mine.has(held)).map(({ flight }) => flight),
    );
    return this.flightsOf(claims).filter((flight) => !others.has(flight));
  }

  remove(claims: readonly LaneClaim[]): void {
    for (const claim of claims) if (this.find(claim)) this.held.delete(claim.territoryId);
  }

  all(): readonly LaneClaim[] {
    return [...this.held.values()];
  }

  private find({ territoryId, fence }: LaneClaim): Held | undefined {
    const held = this.held.get(territoryId);
    return held?.fence === fence ? held : undefined;
  }
}
