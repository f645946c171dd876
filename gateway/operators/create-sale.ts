import { CreateSale, Sale } from "../../contracts/claims/http.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { type Endpoint, endpoint, type OperatorCall, operatorCall } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";

export interface SaleCreation {
  /**
   * Writes the sale and the audit line in one transaction; a repeat under the same key finds the first sale.
   * @throws StampedeError IDEMPOTENCY_KEY_REUSED, DATABASE_UNAVAILABLE
   */
  insert(asking: OperatorCall, terms: CreateSale): Promise<{ readonly id: CouponId }>;
  /** Wakes role sale-loader. */
  wakeLoader(couponId: CouponId): Promise<void>;
  view(couponId: CouponId): Promise<Sale | null>;
}

/** The loader answers its wake-up within milliseconds; a sale that takes longer is returned as RECOVERING. */
const LOAD_WAIT_MS = 3_000;
const LOAD_POLL_MS = 15;

/** Checks that the schema cannot express. @throws StampedeError VALIDATION_FAILED */
export function checkTerms(terms: CreateSale): void {
  const invalid = (detail: string) => new StampedeError("VALIDATION_FAILED", detail);
  if (Date.parse(terms.startsAt) >= Date.parse(terms.endsAt)) throw invalid("endsAt: must be later than startsAt");
  if (terms.validUntil !== undefined && Date.parse(terms.validUntil) < Date.parse(terms.endsAt)) {
    throw invalid("validUntil: must not be before endsAt, because users would win coupons that cannot be used");
  }
  if (terms.discountType === "PERCENT" && terms.discountValue > 100) {
    throw invalid("discountValue: a PERCENT discount is at most 100");
  }
}

/** POST /admin/coupons: PostgreSQL first, then Redis through the loader; answers when the sale can be claimed. */
export const createSale = (creation: SaleCreation): Endpoint =>
  endpoint({
    method: "POST",
    path: "/admin/coupons",
    operationId: "createSale",
    summary: "Create a sale; it opens by itself at startsAt",
    tag: "admin",
    audience: "operator",
    caller: "seller",
    cost: "write",
    body: CreateSale,
    idempotency: "key",
    cache: "no-store",
    audit: true,
    answers: { 201: Sale },
    refusals: ["DATABASE_UNAVAILABLE"],
    async handle(call) {
      checkTerms(call.body);
      const { id } = await creation.insert(operatorCall(call), call.body);
      const answer = json(201, await loaded(creation, id));
      return { ...answer, headers: { ...answer.headers, location: `/coupons/${id}` } };
    },
  });

/** The new sale, as soon as the loader has brought it to Redis. */
async function loaded(creation: SaleCreation, id: CouponId): Promise<Sale | null> {
  // Redis may be away: the sale exists, and the loader finds it when Redis is back.
  await creation.wakeLoader(id).catch(() => {});
  const deadline = performance.now() + LOAD_WAIT_MS;
  let sale = await creation.view(id);
  while (sale?.state === "RECOVERING" && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, LOAD_POLL_MS));
    sale = await creation.view(id);
  }
  return sale;
}
