import { type Static, Type } from "@sinclair/typebox";
import { Address, readEnvironment, Secret } from "../contracts/wire/environment.ts";

/** Every variable the payment simulator knows; README's table is generated from it. */
export const PaymentSimulatorEnvironment = Type.Object({
  PAYMENT_SIMULATOR_HOST: Type.String({ default: "127.0.0.1", description: "Address of the payment simulator" }),
  PAYMENT_SIMULATOR_PORT: Type.Integer({
    default: 8082,
    minimum: 0,
    maximum: 65_535,
    description: "Port of the payment simulator; 0 takes any",
  }),
  PAYMENT_SIMULATOR_BOOKS: Type.String({
    default: "",
    description: "File that the simulator's books are appended to; empty: they end with the process",
  }),
  PAYMENT_WEBHOOK_URL: Address("http-address", {
    default: "",
    description: "Where the simulator tells of late outcomes; empty: nowhere",
  }),
  PAYMENT_WEBHOOK_SECRET: Secret({
    default: "",
    description: "Signs the payment provider's webhooks, ≥ 32 bytes; empty: the gateway refuses all of them",
  }),
  PAYMENT_SIMULATOR_SLOW_MS: Type.Integer({
    default: 3_000,
    minimum: 0,
    maximum: 600_000,
    description: "How long `tok_slow` takes",
  }),
  PAYMENT_SIMULATOR_LATE_MS: Type.Integer({
    default: 2_000,
    minimum: 0,
    maximum: 600_000,
    description: "How late the simulator's late outcomes are",
  }),
});
export type PaymentSimulatorConfig = Static<typeof PaymentSimulatorEnvironment>;

/** The process's environment, read once. @throws Error with one line per wrong variable */
export const readConfig = (environment: Record<string, string | undefined>): PaymentSimulatorConfig =>
  readEnvironment(PaymentSimulatorEnvironment, environment);
