import type { EditSale } from "../../contracts/claims/http.ts";
import { canonicalJson } from "../../contracts/wire/canonical-json.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Executor, Sql } from "../client.ts";
import { columnsOf, SALE } from "../names.ts";
import { coupons, type SaleIntent } from "../schema.ts";
import { insertAudit } from "../settings/audit.ts";
import { CLOCK_SKEW_S, lockSale } from "./lock.ts";

/** What may be edited, as the sale has it. */
type Terms = Pick<typeof coupons.$inferSelect, "name" | "metadata" | "visibility" | "endsAt" | "validUntil">;
const TERMS = columnsOf(coupons, ["name", "metadata", "visibility", "endsAt", "validUntil"]);

interface EditableSale extends Terms {
  readonly startsAt: Date;
  /** PostgreSQL's time. */
  readonly now: Date;
  /** Claims may have been granted, also by a Redis whose clock is ahead. */
  readonly hasOpened: boolean;
}

/** Gives Redis the state and the window of a loaded sale. Times in milliseconds since 1970. */
export type ApplyWindow = (
  state: SaleIntent,
  window: { readonly startsAt: number; readonly endsAt: number },
) => Promise<unknown>;

/**
 * Changes a sale under its lock, together with the audit line, which has each changed member before and after. A new end is
 * applied to Redis, and only then committed, as a state is (setSaleState): a failing `apply` rolls all back, and the loader
 * gives Redis PostgreSQL's end if Redis had it already. Members that are not named keep what another edit gave them, and of
 * two edits of one member the later one holds. Naming the end that the sale has writes nothing but applies again.
 * @returns false when there is no such sale
 * @throws StampedeError VALIDATION_FAILED for terms that contradict each other, CONFLICT for a change that comes too late
 */
export function editSale(
  sql: Sql,
  couponId: string,
  edit: EditSale,
  actor: string,
  apply: ApplyWindow,
): Promise<boolean> {
  return sql.begin(async (tx) => {
    const locked = await lockSale(tx, couponId);
    if (locked === null) return false;
    const before = await readTerms(tx, couponId);
    const after = merged(before, edit);
    checkEdit(before, after);
    const changed = changesOf(before, after);
    if (changed.length > 0) {
      await tx`
        UPDATE ${SALE.table} SET ${SALE.name} = ${after.name}, ${SALE.visibility} = ${after.visibility},
          ${SALE.metadata} = ${JSON.stringify(after.metadata)}::text::jsonb, ${SALE.endsAt} = ${after.endsAt},
          ${SALE.validUntil} = ${after.validUntil}, ${SALE.updatedAt} = now() WHERE ${SALE.id} = ${couponId}`;
      const detail = { before: pick(before, changed), after: pick(after, changed) };
      await insertAudit(tx, { actor, action: "sale.edited", target: couponId, detail });
    }
    // A sale that is not loaded gets its end from the load (finishLoading).
    if (edit.endsAt !== undefined && locked.loadState === "LOADED") {
      await apply(locked.state, { startsAt: before.startsAt.getTime(), endsAt: after.endsAt.getTime() });
    }
    return true;
  });
}

async function readTerms(tx: Executor, couponId: string): Promise<EditableSale> {
  const [sale] = await tx<EditableSale[]>`
    SELECT ${TERMS}, ${SALE.startsAt} AS "startsAt", clock_timestamp()::timestamptz(3) AS now,
      ${SALE.startsAt} <= clock_timestamp() + make_interval(secs => ${CLOCK_SKEW_S}) AS "hasOpened"
    FROM ${SALE.table} WHERE ${SALE.id} = ${couponId}`;
  return sale!;
}

function merged(before: EditableSale, { name, metadata, visibility, endsAt, validUntil }: EditSale): Terms {
  return {
    name: name ?? before.name,
    metadata: metadata ?? before.metadata,
    visibility: visibility ?? before.visibility,
    endsAt: endsAt === undefined ? before.endsAt : new Date(endsAt),
    validUntil: validUntil === undefined ? before.validUntil : validUntil === null ? null : new Date(validUntil),
  };
}

const timeOf = (time: Date | null): number => time?.getTime() ?? Number.POSITIVE_INFINITY;

/** @throws StampedeError VALIDATION_FAILED, CONFLICT */
function checkEdit(before: EditableSale, after: Terms): void {
  const invalid = (detail: string) => new StampedeError("VALIDATION_FAILED", detail);
  const isMoved = after.endsAt.getTime() !== before.endsAt.getTime();
  if (isMoved && after.endsAt <= before.startsAt) throw invalid("endsAt: must be later than startsAt");
  if (timeOf(after.validUntil) < after.endsAt.getTime()) {
    throw invalid("validUntil: must not be before endsAt, because users would win coupons that cannot be used");
  }
  if (isMoved && after.endsAt <= before.now) {
    throw new StampedeError("CONFLICT", "endsAt: must be in the future; a sale is ended now by closing it");
  }
  if (before.hasOpened && timeOf(after.validUntil) < timeOf(before.validUntil)) {
    const since = before.validUntil?.toISOString() ?? "without a limit";
    throw new StampedeError(
      "CONFLICT",
      `validUntil: only later than ${since}, because the sale has opened and coupons may have been won`,
    );
  }
}

/** The members that an edit changes. Entries of `metadata` have no order. */
function changesOf(before: Terms, after: Terms): (keyof Terms)[] {
  const names = ["name", "metadata", "visibility", "endsAt", "validUntil"] as const;
  const text = (value: Terms[keyof Terms]) => canonicalJson(value instanceof Date ? value.getTime() : value);
  return names.filter((name) => text(before[name]) !== text(after[name]));
}

const pick = (terms: Terms, names: readonly (keyof Terms)[]) =>
  Object.fromEntries(names.map((name) => [name, terms[name]]));
