import { TypeCompiler } from "@sinclair/typebox/compiler";
import { groupOf } from "../../contracts/groups.ts";
import { CompensationCompleted } from "../../contracts/orders/events.ts";
import type { OrderId } from "../../contracts/orders/ids.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import type { Admission } from "../../lua/admission.ts";
import { ORDER_PACE_MS, type Rejected, type Role } from "../engine/role.ts";

const completed = TypeCompiler.Compile(CompensationCompleted.properties.data);
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The order whose admission is given back; null: another event, or one that took none. @throws StampedeError VALIDATION_FAILED */
export function releasedOrder(record: Pick<IncomingRecord, "value">): OrderId | null {
  let event: { type?: unknown; data?: unknown } | null;
  try {
    event = JSON.parse(decoder.decode(record.value ?? new Uint8Array()));
  } catch (cause) {
    throw new StampedeError("VALIDATION_FAILED", "the record is not JSON", { cause });
  }
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
      const rejected: Rejected[] = [];
      const orders: OrderId[] = [];
      for (const record of records) {
        try {
          const orderId = releasedOrder(record);
          if (orderId !== null) orders.push(orderId);
        } catch (error) {
          rejected.push({ record, error });
        }
      }
      if (orders.length > 0) await release(orders);
      return rejected;
    },
  };
}
