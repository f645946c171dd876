import { RESULTS, type ResultCode } from "./result-codes.ts";

/** The project's one error class: a code of the table, whether a retry helps, and its cause. */
export class StampedeError extends Error {
  readonly code: ResultCode;
  readonly retryable: boolean;
  /** Seconds to wait before a retry, sent as `Retry-After`. */
  readonly retryAfterS: number | undefined;
  /** More members of the problem document, e.g. `startsAt`. */
  readonly extra: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: ResultCode,
    detail?: string,
    options: { cause?: unknown; retryAfterS?: number; extra?: Record<string, unknown>; retryable?: false } = {},
  ) {
    super(detail ?? RESULTS[code].title, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "StampedeError";
    this.code = code;
    // A retry may help against INTERNAL, unless the request itself is the cause.
    this.retryable = options.retryable ?? RESULTS[code].retryable;
    this.retryAfterS = options.retryAfterS;
    this.extra = options.extra;
  }
}
