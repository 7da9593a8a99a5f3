/** Changes as they arrive, each in a territory of its own. */
import type { ChangeArrival } from '../../../srv/journal/port.ts';

export function arrival(
  id: string,
  { digest = 'd', correlationId }: { readonly digest?: string; readonly correlationId?: string } = {},
): ChangeArrival {
  return {
    kind: 'change',
    change: {
      id,
      source: '/crm',
      type: 't',
      territoryId: `territory of ${id}`,
      assignments: [{ id: 'A', operation: 'update', fields: { owner: 'E1' } }],
      relatedTo: [],
      ...(correlationId !== undefined && { correlationId }),
    },
    payload: { body: Buffer.from(id), digest },
    receivedAt: 0,
  };
}
