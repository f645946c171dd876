import { createHmac, timingSafeEqual } from "node:crypto";
import { type Static, Type } from "@sinclair/typebox";
import { OrderIdSchema } from "../orders/ids.ts";
import { Timestamp } from "../wire/date-time.ts";
import { StampedeError } from "../wire/errors.ts";
import { CurrencySchema, MoneySchema } from "../wire/money.ts";

/** The provider's report about a payment. Repeated calls carry the same `id`. */
export const PaymentWebhook = Type.Object(
  {
    id: Type.String({ pattern: "^[A-Za-z0-9._:-]{1,200}$", description: "The provider's id of this event" }),
    key: OrderIdSchema,
    outcome: Type.Union(
      (["CAPTURED", "DECLINED", "VOIDED", "REFUNDED"] as const).map((outcome) => Type.Literal(outcome)),
    ),
    amount: MoneySchema,
    currency: CurrencySchema,
    occurredAt: Timestamp,
  },
  { $id: "PaymentWebhook" },
);
export type PaymentWebhook = Static<typeof PaymentWebhook>;

/** `t=<seconds since 1970>,v1=<hex HMAC-SHA256 of "<t>.<body>">`; several v1 while a secret is being changed. */
export const SIGNATURE_HEADER = "stampede-signature";
/** A call whose signature is older, or further in the future, may be a replay. Providers sign each repetition anew. */
export const REPLAY_WINDOW_S = 300;
const HEADER = /^t=(\d{1,12})((?:,v1=[0-9a-f]{64}){1,4})$/;

const mac = (secret: string, timeS: number, body: Uint8Array): Buffer =>
  createHmac("sha256", secret).update(`${timeS}.`).update(body).digest();

/** The header's value. */
export function signWebhook(secret: string, body: Uint8Array, timeS: number): string {
  return `t=${timeS},v1=${mac(secret, timeS, body).toString("hex")}`;
}

/**
 * Returns nothing. A body that passes was signed with one of the secrets, within the replay window.
 * @param secrets two while the secret is being changed; none: no secret is configured, every call is refused
 * @throws StampedeError SIGNATURE_INVALID, SIGNATURE_EXPIRED
 */
export function verifyWebhook(
  secrets: readonly string[],
  header: string | undefined,
  body: Uint8Array,
  nowS: number,
): void {
  const parts = HEADER.exec(header ?? "");
  if (parts === null) throw new StampedeError("SIGNATURE_INVALID");
  const timeS = Number(parts[1]);
  const expected = secrets.filter((secret) => secret !== "").map((secret) => mac(secret, timeS, body));
  const given = parts[2]!.split(",v1=").slice(1);
  if (!given.some((hex) => expected.some((one) => timingSafeEqual(Buffer.from(hex, "hex"), one)))) {
    throw new StampedeError("SIGNATURE_INVALID");
  }
  if (Math.abs(nowS - timeS) > REPLAY_WINDOW_S) throw new StampedeError("SIGNATURE_EXPIRED");
}
