import { consumers } from "./consumers.ts";
import { gateway } from "./gateway.ts";
import { kafka } from "./kafka.ts";
import { paymentSimulator } from "./payment-simulator.ts";
import { postgres } from "./postgres.ts";
import { redis } from "./redis.ts";
import type { NativeService } from "./service.ts";
import type { ServiceName } from "./service-names.ts";

/** How each service runs as processes of this machine. */
export const NATIVE_SERVICES: Readonly<Record<ServiceName, NativeService>> = {
  redis,
  postgres,
  kafka,
  "payment-simulator": paymentSimulator,
  gateway,
  consumers,
};
