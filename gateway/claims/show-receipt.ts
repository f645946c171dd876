import { ClaimReceipt } from "../../contracts/claims/http.ts";
import { isRequestId, saleOfRequest } from "../../contracts/wire/ids.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { json } from "../http/problem.ts";
import { type ProofSources, provableFacts } from "./claim-proof.ts";
import type { Receipts } from "./receipt.ts";

/** GET /coupons/requests/:requestId/receipt */
export const showReceipt = (sources: ProofSources, receipts: Pick<Receipts, "signed">): Endpoint =>
  endpoint({
    method: "GET",
    path: "/coupons/requests/:requestId/receipt",
    operationId: "getClaimReceipt",
    summary: "A signed receipt of one of the caller's claims, which everybody can check",
    tag: "claims",
    audience: "public",
    caller: "user",
    cost: "read",
    body: "none",
    idempotency: "none",
    cache: "no-store",
    audit: false,
    answers: { 200: ClaimReceipt },
    refusals: [
      "REQUEST_NOT_FOUND",
      "CLAIM_FAILED",
      "OUTCOME_UNKNOWN",
      "SALE_RECOVERING",
      "REDIS_UNAVAILABLE",
      "DATABASE_UNAVAILABLE",
    ],
    async handle(call) {
      const asked = call.params.requestId!;
      if (!isRequestId(asked)) return call.refuse("REQUEST_NOT_FOUND");
      const facts = await provableFacts(sources, asked, call.caller.userId);
      const { kind, requestId, slot } = facts;
      const couponId = saleOfRequest(requestId);
      const receipt: ClaimReceipt = { requestId, couponId, kind, ...receipts.signed(facts) };
      return json(200, slot === null ? receipt : { ...receipt, slot });
    },
  });
