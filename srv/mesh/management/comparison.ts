/** A queue as it is beside what it has to be. Pure. */
import type { PropertyValue, QueueProperties, Requirement } from './administration.ts';

export interface Comparison {
  /** Wrong, and can be changed. */
  readonly changeable: readonly Requirement[];
  /** Wrong, and cannot be changed. */
  readonly fixed: readonly Requirement[];
  /** Not shown by the product, so nobody knows. */
  readonly unseen: readonly Requirement[];
}

export function compare(requirements: readonly Requirement[], queue: QueueProperties): Comparison {
  const unseen = requirements.filter((requirement) => isUnseen(requirement, queue));
  const wrong = requirements.filter(
    (requirement) => !unseen.includes(requirement) && !isMet(requirement, queue[requirement.property]),
  );
  return {
    changeable: wrong.filter(({ change }) => change === 'in-place'),
    fixed: wrong.filter(({ change }) => change === 'new-queue-only'),
    unseen,
  };
}

/** The properties by which the requirements are met; what must not be set is left out. */
export function propertiesFor(requirements: readonly Requirement[]): QueueProperties {
  const properties: Record<string, PropertyValue> = {};
  for (const { property, value } of requirements) if (value !== undefined) properties[property] = value;
  return properties;
}

function isUnseen({ property, rule, unshown }: Requirement, queue: QueueProperties): boolean {
  return rule !== 'new-only' && unshown === 'unknown' && queue[property] === undefined;
}

function isMet({ rule, value }: Requirement, is: PropertyValue | undefined): boolean {
  switch (rule) {
    case 'new-only':
      return true;
    case 'equal':
      return is === value;
    case 'at-least':
      return typeof is === 'number' && typeof value === 'number' && is >= value;
  }
}
