/** A change as an upstream system publishes it. */

export interface PublishedChange {
  readonly id: string;
  readonly source: string;
  readonly territoryId: string;
  readonly assignments: readonly {
    readonly id: string;
    readonly operation?: 'update' | 'create' | 'delete';
    readonly fields?: Readonly<Record<string, string | number | boolean | null>>;
    readonly before?: Readonly<Record<string, string | number | boolean | null>>;
  }[];
  readonly relatedTo?: readonly string[];
  readonly traceparent?: string;
  readonly correlationId?: string;
}

export const CHANGE_TYPE = 'cx.territory.assignments.changed.v1';

/** The change as a structured CloudEvent. */
export function structuredEvent({
  id,
  source,
  territoryId,
  assignments,
  relatedTo,
  traceparent,
  correlationId,
}: PublishedChange): string {
  return JSON.stringify({
    specversion: '1.0',
    id,
    source,
    type: CHANGE_TYPE,
    subject: territoryId,
    datacontenttype: 'application/json',
    traceparent,
    correlationid: correlationId,
    data: { territoryId, assignments, relatedTo },
  });
}

/** A change that sets one field of one assignment. */
export function setField(
  id: string,
  territoryId: string,
  assignment: string,
  field: string,
  value: string,
): PublishedChange {
  return {
    id,
    source: '/default/crm/prod',
    territoryId,
    assignments: [{ id: assignment, fields: { [field]: value } }],
  };
}
