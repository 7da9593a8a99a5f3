/** One request to an API of the mesh; what goes wrong on the way says who was asked and what to do. */
import {
  exchange,
  HttpExchangeError,
  type HttpAnswer,
  type HttpCall,
  type HttpParts as ExchangeParts,
} from '../../platform/http-exchange.ts';
import { ManagementError } from './problem.ts';

export interface HttpParts extends ExchangeParts {
  /** Who is called, for messages. */
  readonly what: string;
}

/** Gives whatever is answered. @throws {ManagementError} MANAGEMENT_UNAVAILABLE where there is no whole answer in time */
export type HttpSend = (call: HttpCall) => Promise<HttpAnswer>;

export function createHttpSend(parts: HttpParts): HttpSend {
  return async (call) => {
    try {
      return await exchange(call, parts);
    } catch (error) {
      throw error instanceof HttpExchangeError ? unavailable(error, parts) : error;
    }
  };
}

function unavailable({ how, message }: HttpExchangeError, { what, timeoutMs }: HttpParts): ManagementError {
  const why = {
    stopped: 'is no longer asked: stopping',
    late: `did not answer within ${timeoutMs} ms: try again later, or check the network`,
    broken: `cannot be reached (${message}): check host, port, certificate and network of its URI`,
  } as const;
  return new ManagementError('MANAGEMENT_UNAVAILABLE', `${what} ${why[how]}`);
}
