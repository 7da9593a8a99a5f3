/** Errors as RFC 9457 problem details: what every answer that is not a success looks like. */

export interface Problem {
  /** `about:blank` where the status says it all, else `https://errors/territory-sync/<code>`. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Stable name, for programs. */
  readonly code: string;
  /** What to do. */
  readonly action: string;
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

export const notFound: Problem = {
  type: 'about:blank',
  title: 'Not Found',
  status: 404,
  detail: 'There is nothing at this address for this method.',
  code: 'NOT_FOUND',
  action: 'Check the path and the method.',
};

/** Of a request that cannot be understood: its own fault, so it says no more than the status. */
export function badRequest(status: number, detail: string): Problem {
  return {
    type: 'about:blank',
    title: TITLES[status] ?? 'Bad Request',
    status: TITLES[status] ? status : 400,
    detail,
    code: 'BAD_REQUEST',
    action: 'Correct the request.',
  };
}

/** Of a defect; what it was stands in the log only. */
export const internalError: Problem = {
  type: 'about:blank',
  title: 'Internal Server Error',
  status: 500,
  detail: 'The request could not be answered.',
  code: 'INTERNAL',
  action: 'See the log of the service.',
};

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  411: 'Length Required',
  413: 'Content Too Large',
  414: 'URI Too Long',
  415: 'Unsupported Media Type',
  431: 'Request Header Fields Too Large',
};
