/** The brokers that are known, by the way in which they spell addresses: their names stand here and nowhere else. */
export const DIALECTS = ['event-mesh', 'rabbitmq', 'rabbitmq-4', 'service-bus', 'solace'] as const;

export type Dialect = (typeof DIALECTS)[number];
