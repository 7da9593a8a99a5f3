/** Queues on RabbitMQ for tests that ask what was dead-lettered. Names must not hold quotes. */
import { control, type RabbitControl } from '../../integration/rabbitmq.ts';

/**
 * A work queue as the service wants it (quorum, which counts deliveries; without a limit) that dead-letters into `buried`; with
 * `limit` what a wrong one does.
 */
export async function declareCountingQueue(name: string, buried: string, limit?: number): Promise<void> {
  await declare(buried, []);
  await declare(name, [
    ...(limit === undefined ? [] : [`{<<"x-delivery-limit">>, long, ${limit}}`]),
    '{<<"x-single-active-consumer">>, bool, true}',
    '{<<"x-dead-letter-exchange">>, longstr, <<>>}',
    `{<<"x-dead-letter-routing-key">>, longstr, <<"${buried}">>}`,
  ]);
}

async function declare(name: string, args: readonly string[]): Promise<void> {
  const all = ['{<<"x-queue-type">>, longstr, <<"quorum">>}', ...args].join(', ');
  const queue = `rabbit_misc:r(<<"/">>, queue, <<"${name}">>)`;
  await control('eval', `rabbit_amqqueue:declare(${queue}, true, false, [${all}], none, <<"guest">>), ok.`);
}

/** Messages in the queue that nobody holds. Asked of the queue itself: `list_queues` tells figures of some seconds ago. */
export async function readyIn(name: string, node: RabbitControl = control): Promise<number> {
  const queue = `rabbit_misc:r(<<"/">>, queue, <<"${name}">>)`;
  const stat = await node(
    'eval',
    `rabbit_amqqueue:with(${queue}, fun(Q) -> rabbit_quorum_queue:stat(Q) end).`,
  );
  const ready = /^\{ok,(\d+),/u.exec(stat)?.[1];
  if (ready === undefined) throw new Error(`RabbitMQ told nothing of queue ${name}: ${stat.slice(0, 200)}`);
  return Number(ready);
}
