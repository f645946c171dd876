import type { Logger } from "pino";
import { type IpAddress, ipText } from "../http/ip-address.ts";

/** Why a request, message or socket was refused: which limit. */
export const LIMIT_KINDS = [
  "user",
  "address",
  "reads",
  "bodies",
  "connections",
  "sockets",
  "messages",
  "slow",
] as const;
export type LimitKind = (typeof LIMIT_KINDS)[number];

const QUIET_MS = 1_000;

interface Kind {
  total: number;
  unlogged: number;
  loggedAt: number;
}

/**
 * Counts what the limits refuse, by kind, and logs one of each kind a second with the number of the others: a flood must be seen,
 * and must not fill a disk.
 */
export class RefusalLog {
  readonly #kinds = new Map<LimitKind, Kind>(
    LIMIT_KINDS.map((kind) => [kind, { total: 0, unlogged: 0, loggedAt: Number.NEGATIVE_INFINITY }]),
  );

  constructor(private readonly log: Pick<Logger, "warn">) {}

  /** @param who the user or the address, if one of them was refused */
  refused(kind: LimitKind, who?: string | IpAddress): void {
    const entry = this.#kinds.get(kind)!;
    entry.total++;
    entry.unlogged++;
    const now = performance.now();
    if (now - entry.loggedAt < QUIET_MS) return;
    const name = who === undefined || typeof who === "string" ? who : ipText(who);
    this.log.warn({ limit: kind, who: name, refused: entry.unlogged }, "refused by a limit");
    entry.unlogged = 0;
    entry.loggedAt = now;
  }

  /** Refusals since the start. */
  total(kind: LimitKind): number {
    return this.#kinds.get(kind)!.total;
  }
}
