import { TypeCompiler } from "@sinclair/typebox/compiler";
import { groupOf } from "../../contracts/groups.ts";
import { CompensationCompleted } from "../../contracts/orders/events.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import type { Admission } from "../../lua/admission.ts";
import { parseEvent, readBatch } from "../engine/read-batch.ts";
import { ORDER_PACE_MS, type Role } from "../engine/role.ts";

const completed = TypeCompiler.Compile(CompensationCompleted.properties.data);

/** The order whose admission is given back; null: another event, or one that took none. @throws StampedeError VALIDATION_FAILED */
export function releasedOrder(record: Pick<IncomingRecord, "value">): OrderId | null {
  const event = parseEvent<{ type?: unknown; data?: unknown }>(record.value);
  if (event?.type !== "CompensationCompleted") return null;
  if (!completed.Check(event.data)) throw new StampedeError("VALIDATION_FAILED", "not a CompensationCompleted");
  return event.data.releaseAdmission.length === 0 ? null : event.data.orderId;
}

/**
 * Gives back what cancelled orders took of flash products, after the database has: at once, where the loader's next look
 * would come a second later. Redis away means wait.
 */
export function admissionRelease(release: Admission["release"]): Role {
  return {
    name: "admission",
    ...groupOf("admission"),
    patience: "wait",
    maxBatch: 500,
    lingerMs: 0,
    paceMs: ORDER_PACE_MS,
    concurrency: 1,
    async handle(records) {
      const { messages: orders, rejected } = readBatch(records, releasedOrder);
      if (orders.length > 0) await release(orders);
      return rejected;
    },
  };
}
