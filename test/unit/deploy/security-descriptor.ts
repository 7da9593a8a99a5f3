/** What the service xsuaa accepts as its parameters, with the limits that its documentation states. */
import { z } from 'zod';

const ownName = z.string().regex(/^\$XSAPPNAME\.[A-Za-z0-9_.-]+$/);
const roleName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9_ -]+$/);

export const securityDescriptor = z.strictObject({
  // The characters are those that it shares with the names of instances of Event Mesh.
  xsappname: z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9_-]+$/),
  'tenant-mode': z.literal('dedicated'),
  description: z.string(),
  scopes: z.array(z.strictObject({ name: ownName, description: z.string() })),
  'role-templates': z.array(
    z.strictObject({ name: roleName, description: z.string(), 'scope-references': z.array(ownName) }),
  ),
  'role-collections': z.array(
    z.strictObject({ name: roleName, description: z.string(), 'role-template-references': z.array(ownName) }),
  ),
  'oauth2-configuration': z.strictObject({
    // SAP advises to keep it short, but not below half an hour.
    'token-validity': z.int().min(1800).max(43_200),
    'refresh-token-validity': z.int().min(1800).max(604_800),
    'credential-types': z.array(z.enum(['binding-secret', 'x509'])).min(1),
  }),
});
