/** What an assignment's id has to look like where the API's key is not a text. */

/** Type of the key property. */
export type KeyType = 'string' | 'guid' | 'int';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Any well-formed text, a GUID, or an integer within ±(2^53 − 1). */
export function isKeyOf(type: KeyType, id: string): boolean {
  switch (type) {
    case 'string':
      return id.isWellFormed();
    case 'guid':
      return GUID.test(id);
    case 'int':
      return /^-?\d{1,16}$/.test(id) && Number.isSafeInteger(Number(id));
  }
}
