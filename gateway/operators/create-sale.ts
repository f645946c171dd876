import { CreateSale, type Sale } from "../../contracts/claims/http.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { CouponId } from "../../contracts/wire/ids.ts";
import { identifyOperator } from "../auth/bearer.ts";
import type { Authenticate } from "../auth/hs256.ts";
import { jsonBody } from "../http/json-body.ts";
import { json } from "../http/problem.ts";
import type { Handler } from "../transports/transport.ts";
import { idempotencyKey } from "./idempotency-key.ts";
import type { OperatorCall } from "./products.ts";

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
export function createSaleRoute(creation: SaleCreation, authenticate: Authenticate): Handler {
  const read = jsonBody(CreateSale);
  return async (request) => {
    const asking = { actor: identifyOperator(request, authenticate).userId, idempotencyKey: idempotencyKey(request) };
    const terms = await read(request);
    checkTerms(terms);
    const { id } = await creation.insert(asking, terms);
    // Redis may be away: the sale exists, and the loader finds it when Redis is back.
    await creation.wakeLoader(id).catch(() => {});
    const deadline = performance.now() + LOAD_WAIT_MS;
    let sale = await creation.view(id);
    while (sale?.state === "RECOVERING" && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, LOAD_POLL_MS));
      sale = await creation.view(id);
    }
    const answer = json(201, sale);
    return { ...answer, headers: { ...answer.headers, location: `/coupons/${id}` } };
  };
}
