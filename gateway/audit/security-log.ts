import type { Logger } from "pino";

/** What the security log counts, by the code of the refusal. A code that is not here is no event. */
const EVENT_OF = {
  UNAUTHENTICATED: "token-missing",
  TOKEN_INVALID: "token-invalid",
  TOKEN_EXPIRED: "token-expired",
  TOKEN_REVOKED: "token-revoked",
  USER_BLOCKED: "user-blocked",
  FORBIDDEN: "forbidden",
  ORIGIN_REFUSED: "origin-refused",
  SIGNATURE_INVALID: "webhook-signature",
  SIGNATURE_EXPIRED: "webhook-expired",
  RATE_LIMITED: "rate-limited",
} as const;
export type SecurityEvent = (typeof EVENT_OF)[keyof typeof EVENT_OF];

/** What a line says beside the event. */
export interface Scene {
  /** An operationId, or `socket`. */
  readonly operation: string;
  /** Empty: unknown. */
  readonly address: string;
  readonly requestId?: string;
  readonly user?: string;
}

/** Lines of one event a second. */
const LINES_PER_S = 5;

interface Kind {
  total: number;
  second: number;
  lines: number;
  suppressed: number;
}

/** Counts refusals that may be attacks, and logs at most five of each kind a second with the number of the others. */
export class SecurityLog {
  readonly #kinds: ReadonlyMap<SecurityEvent, Kind>;

  /** @param now milliseconds of any clock */
  constructor(
    private readonly log: Pick<Logger, "warn">,
    private readonly now: () => number = () => performance.now(),
  ) {
    const kind = (): Kind => ({ total: 0, second: 0, lines: 0, suppressed: 0 });
    this.#kinds = new Map(Object.values(EVENT_OF).map((event) => [event, kind()]));
  }

  /** A request, socket or message was refused. @param scene is called only if a line is written */
  refused(code: string, scene: () => Scene): void {
    if (!Object.hasOwn(EVENT_OF, code)) return;
    const event = EVENT_OF[code as keyof typeof EVENT_OF];
    const kind = this.#kinds.get(event)!;
    kind.total++;
    const second = Math.floor(this.now() / 1_000);
    if (kind.second !== second) {
      kind.second = second;
      kind.lines = 0;
    }
    if (kind.lines >= LINES_PER_S) {
      kind.suppressed++;
      return;
    }
    kind.lines++;
    this.log.warn({ event, ...scene(), suppressed: kind.suppressed }, "refused: a security event");
    kind.suppressed = 0;
  }

  /** Events since the start, by kind. */
  *totals(): Iterable<readonly [event: SecurityEvent, total: number]> {
    for (const [event, { total }] of this.#kinds) yield [event, total];
  }
}
