import { type TSchema, Type } from "@sinclair/typebox";
import { Timestamp } from "./date-time.ts";
import { namespace, uuid5 } from "./uuid5.ts";

/** The envelope every record's value carries (JSON). */
export function event<Name extends string, Data extends TSchema>(type: Name, data: Data) {
  return Type.Object({
    eventId: Type.String({
      description: "Unique; a result's id is derived from its cause, so a redelivery has the same id",
    }),
    type: Type.Literal(type),
    version: Type.Literal(1),
    aggregateId: Type.String(),
    stream: Type.String({
      description: "The stream of this producer; `sequence` counts its events, so a gap means loss",
    }),
    sequence: Type.Integer({ minimum: 1 }),
    occurredAt: Timestamp,
    correlationId: Type.String(),
    causationId: Type.Union([Type.String(), Type.Null()]),
    data,
  });
}

const EVENTS = namespace("8f5e0e6c-1f6b-4d1c-9d0a-53d1a3b0c7e2");

/** The event id of a result: the same cause always gives the same id. */
export const derivedEventId = (cause: string, what: string): string => uuid5(EVENTS, `${what}:${cause}`);
