import type { TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { EVENTS, type EventType } from "../../contracts/claims/events.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { IncomingRecord } from "../../kafka/kafka.ts";
import { parseEvent } from "../engine/read-batch.ts";
import { isSagaInput, type SagaInput } from "./inputs.ts";

const checks: ReadonlyMap<string, TypeCheck<TSchema>> = new Map(
  (Object.keys(EVENTS) as EventType[])
    .filter(isSagaInput)
    .map((type) => [type, TypeCompiler.Compile(EVENTS[type].properties.data)]),
);

/**
 * What a record tells the saga; null: an event that it does not mind (its own announcements, or a newer release's).
 * Of the envelope only what is used is checked. @throws StampedeError VALIDATION_FAILED: no retry helps
 */
export function parseInput(record: IncomingRecord): SagaInput | null {
  const event = parseEvent<Partial<SagaInput>>(record.value);
  const { type, eventId, occurredAt, sequence, data } = event ?? {};
  if (typeof type !== "string") throw new StampedeError("VALIDATION_FAILED", "not an event: it has no type");
  const check = checks.get(type);
  if (check === undefined) return null;
  const dated = typeof occurredAt === "string" && !Number.isNaN(Date.parse(occurredAt));
  if (typeof eventId !== "string" || eventId === "" || !Number.isSafeInteger(sequence) || !dated) {
    throw new StampedeError("VALIDATION_FAILED", `not a ${type}: its envelope is incomplete`);
  }
  if (!check.Check(data)) {
    const first = check.Errors(data).First();
    throw new StampedeError("VALIDATION_FAILED", `not a ${type}: ${first?.path} ${first?.message}`);
  }
  return event as SagaInput;
}
