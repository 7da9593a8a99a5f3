/**
 * The types of a collection's properties from an OData service's `$metadata`. Only tags and attributes are looked at, of which
 * both versions use the same few; whoever writes types this program does not know gets JSON as it is.
 */
import type { FieldType } from '../settings.ts';

/** Field name → type. */
export type FieldTypes = ReadonlyMap<string, FieldType>;

const TYPES: Readonly<Record<string, FieldType>> = {
  'Edm.String': 'string',
  'Edm.Byte': 'int',
  'Edm.SByte': 'int',
  'Edm.Int16': 'int',
  'Edm.Int32': 'int',
  'Edm.Int64': 'int64',
  'Edm.Decimal': 'decimal',
  'Edm.Double': 'double',
  'Edm.Single': 'double',
  'Edm.Boolean': 'boolean',
  'Edm.Date': 'date',
  'Edm.DateTime': 'datetime',
  'Edm.DateTimeOffset': 'datetimeoffset',
  'Edm.Time': 'time',
  'Edm.TimeOfDay': 'time',
  'Edm.Guid': 'guid',
};

interface Tag {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
}

interface EntityType {
  readonly base: string | undefined;
  readonly properties: ReadonlyMap<string, string>;
  /** Navigation property → type (V4), or role and relationship (V2). */
  readonly navigations: ReadonlyMap<string, Tag>;
}

interface Model {
  /** By name without namespace. */
  readonly types: ReadonlyMap<string, EntityType>;
  /** Entity set → type. */
  readonly sets: ReadonlyMap<string, string>;
  /** V2: `association role` → type. */
  readonly ends: ReadonlyMap<string, string>;
}

/**
 * Types of the entities at `path`, which is relative to the service root: `assignments` or `Territories('{territoryId}')/Team`.
 * Undefined where the document does not describe it.
 */
export function fieldTypesIn(xml: string, path: string): FieldTypes | undefined {
  const model = readModel(xml);
  const [set, ...navigations] = path.split('/').map((segment) => segment.replace(/\(.*$/, ''));
  let type = model.sets.get(set ?? '');
  for (const navigation of navigations) type = type && targetOf(model, type, navigation);
  if (type === undefined || !model.types.has(type)) return undefined;
  const found = new Map<string, FieldType>();
  for (const { properties } of lineage(model, type)) {
    for (const [name, edm] of properties) {
      const known = TYPES[edm];
      if (known !== undefined && !found.has(name)) found.set(name, known);
    }
  }
  return found;
}

function readModel(xml: string): Model {
  const types = new Map<string, EntityType>();
  const sets = new Map<string, string>();
  const ends = new Map<string, string>();
  let properties = new Map<string, string>();
  let navigations = new Map<string, Tag>();
  let association = '';
  for (const tag of tagsOf(xml)) {
    const named = tag.attributes.get('Name') ?? '';
    const type = tag.attributes.get('Type') ?? '';
    switch (tag.name) {
      case 'EntityType':
      case 'ComplexType':
        properties = new Map();
        navigations = new Map();
        // Properties of complex types are nobody's fields: they are gathered, and given to no name.
        if (tag.name === 'EntityType')
          types.set(named, { base: local(tag.attributes.get('BaseType')), properties, navigations });
        break;
      case 'Property':
        properties.set(named, type);
        break;
      case 'NavigationProperty':
        navigations.set(named, tag);
        break;
      case 'EntitySet':
        sets.set(named, local(tag.attributes.get('EntityType')) ?? '');
        break;
      case 'Association':
        association = named;
        break;
      case 'End':
        if (type !== '') ends.set(`${association} ${tag.attributes.get('Role') ?? ''}`, local(type) ?? '');
        break;
      default:
        break;
    }
  }
  return { types, sets, ends };
}

function targetOf(model: Model, type: string, navigation: string): string | undefined {
  const tag = lineage(model, type)
    .map(({ navigations }) => navigations.get(navigation))
    .find((found) => found !== undefined);
  if (tag === undefined) return undefined;
  const collection = /^Collection\((.+)\)$/.exec(tag.attributes.get('Type') ?? '')?.[1];
  if (collection !== undefined) return local(collection);
  const relationship = local(tag.attributes.get('Relationship')) ?? '';
  return model.ends.get(`${relationship} ${tag.attributes.get('ToRole') ?? ''}`);
}

/** The type and those it is derived from, at most 20. */
function lineage({ types }: Model, name: string): readonly EntityType[] {
  const found: EntityType[] = [];
  let current = types.get(name);
  while (current !== undefined && found.length < 20) {
    found.push(current);
    current = current.base === undefined ? undefined : types.get(current.base);
  }
  return found;
}

/** One after the other: a document of nothing but tags would else fill the memory. */
function* tagsOf(xml: string): Generator<Tag> {
  const tags = /<(?:[\w.-]+:)?([\w.-]+)((?:\s+[\w.:-]+\s*=\s*(?:"[^"<]*"|'[^'<]*')){0,100})\s*\/?>/g;
  for (const [, name = '', attributes = ''] of withoutComments(xml).matchAll(tags)) {
    const found = attributes.matchAll(/([\w.:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g);
    yield {
      name,
      attributes: new Map(Array.from(found, ([, key = '', double, single]) => [key, double ?? single ?? ''])),
    };
  }
}

/** In one pass, also where comments are begun and never closed. */
function withoutComments(xml: string): string {
  const kept: string[] = [];
  for (let from = 0; ;) {
    const start = xml.indexOf('<!--', from);
    const end = start === -1 ? -1 : xml.indexOf('-->', start + '<!--'.length);
    if (end === -1) return [...kept, xml.slice(from)].join('');
    kept.push(xml.slice(from, start));
    from = end + '-->'.length;
  }
}

function local(qualified: string | undefined): string | undefined {
  return qualified?.slice(qualified.lastIndexOf('.') + 1);
}
