import { isEpochText } from "../contracts/claims/claim-numbers.ts";
import type { StoredState } from "./claim-batch.ts";
import type { ServerIdentity } from "./commands.ts";
import type { SaleKeys } from "./keys.ts";
import { SALE_SCRIPT_NAMES, type SaleScriptName } from "./sale-script-text.ts";

export interface SaleHealth {
  /** Claims can be decided. */
  readonly loaded: boolean;
  /** 0: Redis has nothing of this sale. */
  readonly epoch: number;
  readonly state: StoredState | null;
  /** null: Redis has nothing of the sale, or only a fence. */
  readonly total: number | null;
  /** Milliseconds since 1970; null: as `total`. */
  readonly endsAt: number | null;
  /** Of the server that owns the sale now. */
  readonly runId: string;
  /** Loaded, but with scripts of another release than this process would load. */
  readonly isOutdated?: boolean;
  /**
   * Why it is not loaded.
   * - MISSING: no hash, or only a fence
   * - RECOVERING: its state says so
   * - RUN_ID: it was loaded on another server process
   * - FAILOVER: it was loaded here, but another server was the master since then
   * - SCRIPTS: the server does not know its scripts any more
   * - BROKEN: the sale's keys were overwritten; `detail` names what
   */
  readonly reason?: "MISSING" | "RECOVERING" | "RUN_ID" | "FAILOVER" | "SCRIPTS" | "BROKEN";
  readonly detail?: string;
}

/** The type of each of a sale's keys. */
export const KEY_TYPES: Readonly<Record<keyof SaleKeys, string>> = {
  sale: "hash",
  winners: "hash",
  freed: "list",
  ledger: "stream",
  status: "hash",
  asked: "hash",
};

const TEXTS = ["state", "runId", "replId", "mode", "broken"] as const;
/** Fields with which the scripts calculate. */
const NUMBERS = ["epoch", "total", "next", "version", "startsAt", "endsAt"] as const;
const STATES: ReadonlySet<string> = new Set(["OPEN", "PAUSED", "CLOSED", "RECOVERING"]);

/** Fields of `:sale` that `readHealthFields` takes, in this order. */
export const HEALTH_FIELDS: readonly string[] = [...TEXTS, ...NUMBERS, ...SALE_SCRIPT_NAMES];

type Field = string | null | undefined;
/** A sale's fields, by name. */
export interface HealthFields {
  readonly texts: Readonly<Record<(typeof TEXTS)[number], Field>>;
  readonly numbers: Readonly<Record<(typeof NUMBERS)[number], Field>>;
  readonly shas: Readonly<Record<SaleScriptName, Field>>;
}

/** @param values HMGET's reply for HEALTH_FIELDS */
export function readHealthFields(values: readonly Field[]): HealthFields {
  const named = Object.fromEntries(HEALTH_FIELDS.map((name, i) => [name, values[i]])) as Record<string, Field>;
  return { texts: named, numbers: named, shas: named } as unknown as HealthFields;
}

/** What Redis shows of the sale, whether it is loaded or not. */
export function foundIn({ texts, numbers }: HealthFields, runId: string) {
  const { epoch, total, endsAt } = numbers;
  return {
    epoch: epoch != null && isEpochText(epoch) ? Number(epoch) : 0,
    state: (texts.state ?? null) as StoredState | null,
    total: total == null ? null : Number(total),
    endsAt: endsAt == null ? null : Number(endsAt),
    runId,
  };
}

/** Why the sale's own fields say that it is not loaded; null: they do not. */
export function reasonInFields({ texts, numbers, shas }: HealthFields): Pick<SaleHealth, "reason" | "detail"> | null {
  if (texts.state === "RECOVERING") return { reason: "RECOVERING" };
  if (numbers.total == null || shaList(shas).length === 0) return { reason: "MISSING" };
  const wrong = wrongFields({ texts, numbers, shas });
  if (wrong.length > 0) return { reason: "BROKEN", detail: `sale: ${wrong.join(", ")}` };
  if (texts.broken != null) return { reason: "BROKEN", detail: `${texts.broken} holds a value that is no win` };
  return null;
}

/** Fields that hold what no script of ours wrote, each once. */
function wrongFields({ texts, numbers }: HealthFields): string[] {
  // A sale may start before 1970, so a minus is allowed.
  const wrong = new Set<string>(NUMBERS.filter((name) => !/^-?\d{1,15}$/.test(numbers[name] ?? "")));
  if (!isEpochText(numbers.epoch ?? "")) wrong.add("epoch");
  const next = Number(numbers.next);
  if (next < 0 || next > Number(numbers.total)) wrong.add("next");
  if (texts.state == null || !STATES.has(texts.state)) wrong.add("state");
  if (texts.mode !== "DIRECT" && texts.mode !== "QUEUED") wrong.add("mode");
  return [...wrong];
}

/** Why the server is not the one that the sale was loaded on; null: it is. */
export function reasonInServer({ texts }: HealthFields, server: ServerIdentity): "RUN_ID" | "FAILOVER" | null {
  if (texts.runId !== server.runId) return "RUN_ID";
  // The server was a replica since the load. It came back with the scripts, but perhaps without the last claims.
  return texts.replId !== server.replId && server.promoted ? "FAILOVER" : null;
}

/** The SHAs that stand in the sale. A script that the sale's loader did not know yet has none. */
export function shaList(shas: HealthFields["shas"]): string[] {
  return SALE_SCRIPT_NAMES.flatMap((name) => shas[name] ?? []);
}
