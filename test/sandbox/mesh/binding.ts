/**
 * The binding as Cloud Foundry hands it out for the service `enterprise-messaging`, with several messaging entries
 * of which only one speaks AMQP: whoever takes an entry by its index gets the wrong one.
 */
import { AMQP_PATH } from './upgrades.ts';

export interface BindingInput {
  readonly port: number;
  readonly namespace: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/** The `credentials` of the binding. */
export function bindingCredentials({ port, namespace, clientId, clientSecret }: BindingInput): object {
  const host = `127.0.0.1:${port}`;
  const oa2 = () => ({
    clientid: clientId,
    clientsecret: clientSecret,
    tokenendpoint: `http://${host}/oauth/token`,
    granttype: 'client_credentials',
  });
  return {
    xsappname: clientId.replace(/^sb-/, ''),
    namespace,
    serviceinstanceid: '00000000-0000-4000-8000-000000000001',
    uaa: {},
    management: [{ oa2: oa2(), uri: `http://${host}` }],
    messaging: [
      { broker: { type: 'saprestmgw' }, oa2: oa2(), protocol: ['httprest'], uri: `http://${host}` },
      { broker: { type: 'sapmgw' }, oa2: oa2(), protocol: ['amqp10ws'], uri: `ws://${host}${AMQP_PATH}` },
      {
        broker: { type: 'sapmgw' },
        oa2: oa2(),
        protocol: ['mqtt311ws'],
        uri: `ws://${host}/protocols/mqtt311ws`,
      },
    ],
  };
}

/** One entry of `VCAP_SERVICES["enterprise-messaging"]`. */
export function bindingEntry(input: BindingInput): object {
  return {
    label: 'enterprise-messaging',
    plan: 'default',
    name: 'sandbox-mesh',
    instance_name: 'sandbox-mesh',
    tags: ['enterprise-messaging'],
    credentials: bindingCredentials(input),
  };
}
