/**
 * What is killed, stopped or cut off in each file of the fault tier. A gate runs one file of each kind, another one each
 * turn; `./dev test --all` runs them all. A file that stands here under no kind fails fault-kinds.unit.test.ts.
 */
export const FAULT_KINDS = {
  gateway: ["gateway-killed", "queued-gateway-killed", "paused-gateway", "shutdown", "storm"],
  consumers: ["consumers-killed", "given-up", "queued-killed", "dead-letters"],
  saga: ["order-saga-killed", "orders-killed", "orders-shuffled", "orders"],
  kafka: ["kafka-away", "queued-kafka-away", "ledger-only", "orders-outage"],
  postgres: ["postgres-away"],
  redis: [
    "redis-lost",
    "redis-forgets",
    "redis-away",
    "redis-full",
    "forgotten-slots",
    "many-winners",
    "two-loaders",
    "told-once",
  ],
  cluster: ["cluster"],
  operators: ["operators", "pipeline-switch"],
} as const;

export type FaultKind = keyof typeof FAULT_KINDS;

/** The kind of a file of the fault tier, or null. */
export function faultKindOf(file: string): FaultKind | null {
  const name = /([^/]+)\.fault\.test\.ts$/.exec(file)?.[1];
  for (const [kind, names] of Object.entries(FAULT_KINDS)) {
    if (name !== undefined && (names as readonly string[]).includes(name)) return kind as FaultKind;
  }
  return null;
}
