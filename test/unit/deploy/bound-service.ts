/** What the platform makes of a resource of the descriptor: an entry of `VCAP_SERVICES`, without anything secret in it. */
import type { z } from 'zod';

import { serviceParameters } from '../../system/mta-descriptor.ts';
import type { MtaResource } from '../../system/mta-descriptor.ts';
import { meshDescriptor } from './mesh-rules.ts';

/** Event Mesh puts into a binding what the descriptor's options ask for. */
export function asBoundService(resource: MtaResource) {
  const { name, parameters } = resource;
  const isMesh = parameters.service === 'enterprise-messaging';
  return {
    name,
    label: parameters.service,
    plan: parameters['service-plan'],
    tags: [parameters.service],
    credentials: isMesh ? meshCredentials(meshDescriptor.parse(serviceParameters(resource))) : {},
  };
}

function meshCredentials({
  namespace,
  options,
}: z.infer<typeof meshDescriptor>): Readonly<Record<string, unknown>> {
  const oa2 = {
    clientid: 'client',
    clientsecret: 'secret',
    tokenendpoint: 'https://uaa.example/oauth/token',
  };
  return {
    namespace,
    ...(options.messaging && {
      messaging: [{ oa2, protocol: ['amqp10ws'], uri: 'wss://mesh.example/protocols/amqp10ws' }],
    }),
    ...(options.management && { management: [{ oa2, uri: 'https://mesh.example' }] }),
  };
}
