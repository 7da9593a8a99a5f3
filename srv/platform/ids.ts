/** Names that must come out the same on every machine and after every restart: UUIDs derived from what they name. */
import { parse, v5 } from 'uuid';

/** The namespace of all UUIDs (version 5, RFC 9562) that the program derives; subscribers may derive them too. */
export const NAMESPACE = '7f0b8f6e-6c0e-5b57-9d0a-5a1f2f3c4d5e';
/** As text it would be checked and parsed again for every name. */
const NAMESPACE_BYTES = parse(NAMESPACE);

/** UUID version 5 of `name` in the program's namespace. */
export function nameUuid(name: string): string {
  return v5(name, NAMESPACE_BYTES);
}
