/** RabbitMQ's management API on this machine, for tests: found or not. */
export { deleteQueue } from './rabbitmq.ts';

export const rabbitManagementUri = 'http://127.0.0.1:15672';

/** Why it cannot be used; undefined if it can. */
export async function whyNoRabbitManagement(): Promise<string | undefined> {
  const authorization = `Basic ${Buffer.from('guest:guest').toString('base64')}`;
  try {
    const answer = await fetch(`${rabbitManagementUri}/api/whoami`, {
      headers: { authorization },
      signal: AbortSignal.timeout(3_000),
    });
    await answer.body?.cancel();
    return answer.ok ? undefined : `${rabbitManagementUri} does not let guest in (${answer.status})`;
  } catch {
    return `no RabbitMQ with its plugin rabbitmq_management at ${rabbitManagementUri}: rabbitmq-plugins enable rabbitmq_management`;
  }
}
