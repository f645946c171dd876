import { createMint } from "../tokens.ts";
import type { PacedPlan } from "./plan.ts";

/** What one of ten abusers' requests is: reads, a document, and claims. */
const MIX = [
  (coupon: string) => `GET /coupons/${coupon}`,
  () => "GET /coupons",
  () => "GET /me/coupons",
  () => "GET /products",
  () => "GET /openapi.json",
  ...Array.from({ length: 5 }, () => (coupon: string) => `POST /coupons/${coupon}/issue`),
];

/** All abusers come from one address; each honest user from another. The proxy in front tells it. */
const ABUSERS_ADDRESS = "198.51.100.66";
const honestAddress = (user: number): string => `203.0.${113 + (user >> 8)}.${user & 255}`;

/** Makes the requests of a plan, one after the other. Tokens are made in advance. */
export function requestsOf(plan: PacedPlan): (index: number) => Buffer {
  const mint = createMint(plan);
  const tokens = Array.from({ length: plan.users }, (_, i) => mint(`${plan.prefix}${i}`));
  const text = (line: string, user: number, address: string) => {
    const length = line.startsWith("POST") ? "content-length: 0\r\n" : "";
    return Buffer.from(
      `${line} HTTP/1.1\r\nhost: ${plan.host}\r\nauthorization: Bearer ${tokens[user]}\r\nx-forwarded-for: ${address}\r\n${length}\r\n`,
    );
  };
  return (index) => {
    const user = index % plan.users;
    if (plan.kind === "abusers") return text(MIX[index % MIX.length]!(plan.coupons[0]!), user, ABUSERS_ADDRESS);
    const coupon = plan.coupons[Math.floor(index / plan.users) % plan.coupons.length]!;
    return text(`POST /coupons/${coupon}/issue`, user, honestAddress(user));
  };
}

/** What the upgrade of an abusers' socket carries. Each socket is another user's. */
export function socketHeaders(plan: PacedPlan): (socket: number) => Record<string, string> {
  const mint = createMint(plan);
  const tokens = Array.from({ length: plan.sockets }, (_, i) => mint(`${plan.prefix}${i}`));
  return (socket) => ({
    authorization: `Bearer ${tokens[socket % tokens.length]}`,
    "x-forwarded-for": ABUSERS_ADDRESS,
  });
}
