import type { SaleFacts, StoredCoupon, StoredLedgerEntry, StoredWinner } from "./facts.ts";

/** The facts by what the checks ask for. */
export interface Indexed {
  /** Rows that are not revoked. */
  readonly active: readonly StoredCoupon[];
  readonly activeByUser: ReadonlyMap<string, StoredCoupon[]>;
  readonly activeBySlot: ReadonlyMap<number, StoredCoupon[]>;
  readonly activeByRequest: ReadonlyMap<string, StoredCoupon[]>;
  /** Requests with a tombstone. */
  readonly revoked: ReadonlySet<string>;
  /** Requests with any row. */
  readonly requests: ReadonlySet<string>;
  readonly winnerByUser: ReadonlyMap<string, StoredWinner>;
  readonly winnersBySlot: ReadonlyMap<number, StoredWinner[]>;
  readonly ledgerBySlot: ReadonlyMap<number, StoredLedgerEntry[]>;
  /** Requests that the ledger or the log will still deliver. */
  readonly pending: ReadonlySet<string>;
  /** Whether a request leads to an active row, itself or as an alias. */
  resolves(requestId: string): boolean;
}

/** @returns the facts, indexed; grouping is by exact value */
export function indexFacts(facts: SaleFacts): Indexed {
  const active = facts.rows.filter((row) => row.status !== "REVOKED");
  const activeByRequest = groupBy(active, (row) => row.requestId);
  const originals = new Map(facts.aliases.map((alias) => [alias.requestId, alias.originalRequestId]));
  return {
    active,
    activeByUser: groupBy(active, (row) => row.userId),
    activeBySlot: groupBy(active, (row) => row.slot),
    activeByRequest,
    revoked: new Set(facts.rows.filter((row) => row.status === "REVOKED").map((row) => row.requestId)),
    requests: new Set(facts.rows.map((row) => row.requestId)),
    winnerByUser: new Map(facts.winners.map((winner) => [winner.userId, winner])),
    winnersBySlot: groupBy(facts.winners, (winner) => winner.slot),
    ledgerBySlot: groupBy(facts.ledger, (entry) => entry.slot),
    pending: new Set([...facts.ledger.map((entry) => entry.requestId), ...facts.unconsumed]),
    resolves: (requestId) =>
      activeByRequest.has(requestId) || activeByRequest.has(originals.get(requestId) ?? requestId),
  };
}

/** Whether a user has the slot: in Redis, in PostgreSQL, or on the way between them. */
export function held(slot: number, known: Indexed): boolean {
  return known.winnersBySlot.has(slot) || known.activeBySlot.has(slot) || known.ledgerBySlot.has(slot);
}

/** null keys are left out: an unreadable slot is its own violation, not a double one. */
function groupBy<T, K>(items: readonly T[], keyOf: (item: T) => K | null): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    if (key === null) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
