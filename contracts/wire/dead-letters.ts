import { type Static, Type } from "@sinclair/typebox";
import { Timestamp } from "./date-time.ts";
import { Page } from "./page.ts";
import { Why } from "./text.ts";

/**
 * PENDING: it will be sent again at `nextAttemptAt`. REPUBLISHED: it was sent again and has not come back, so normally it is
 * done. EXHAUSTED: it came back after the last attempt and waits for an operator. DISCARDED: an operator gave it up.
 */
export const DEAD_LETTER_STATUSES = ["PENDING", "REPUBLISHED", "EXHAUSTED", "DISCARDED"] as const;
export type DeadLetterStatus = (typeof DEAD_LETTER_STATUSES)[number];
export const DeadLetterStatusSchema = Type.Union(
  DEAD_LETTER_STATUSES.map((status) => Type.Literal(status)),
  { description: DEAD_LETTER_STATUSES.join(", ") },
);

declare const brand: unique symbol;
/** A dead letter's number, as text. */
export type DeadLetterId = string & { readonly [brand]: "DeadLetterId" };
const DEAD_LETTER_ID = /^[1-9][0-9]{0,14}$/;
export const isDeadLetterId = (text: string): text is DeadLetterId => DEAD_LETTER_ID.test(text);

const TextOrNull = Type.Union([Type.String(), Type.Null()]);

/** A dead letter in GET /admin/dead-letters. `topic`, `partition` and `offset` are those of the record that failed first. */
export const DeadLetter = Type.Object(
  {
    id: Type.Unsafe<DeadLetterId>(Type.String({ examples: ["17"] })),
    eventId: Type.String(),
    topic: Type.String(),
    partition: Type.Integer(),
    offset: Type.Integer(),
    key: TextOrNull,
    value: Type.Union([Type.String(), Type.Null()], { description: "Bytes that are no text are shown as �" }),
    headers: Type.Record(Type.String(), Type.String()),
    errorCode: Type.String({ description: "The code of the last failure" }),
    errorMessage: Type.String(),
    status: DeadLetterStatusSchema,
    attempts: Type.Integer({ minimum: 0, description: "How often it was sent again" }),
    nextAttemptAt: Type.Union([Timestamp, Type.Null()], { description: "Of a PENDING letter; null: at once" }),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { $id: "DeadLetter" },
);
export type DeadLetter = Static<typeof DeadLetter>;

export const DeadLetterList = Type.Object(
  { items: Type.Array(Type.Ref(DeadLetter)), ...Page },
  { $id: "DeadLetterList" },
);
export type DeadLetterList = Static<typeof DeadLetterList>;

/** What an operator did to a dead letter, from the audit log. */
export const DeadLetterAction = Type.Object(
  {
    actor: Type.String(),
    action: Type.Unsafe<"dead-letter.retried" | "dead-letter.discarded">(
      Type.String({ examples: ["dead-letter.retried", "dead-letter.discarded"] }),
    ),
    why: Type.Optional(Type.String()),
    at: Timestamp,
  },
  { $id: "DeadLetterAction" },
);
export type DeadLetterAction = Static<typeof DeadLetterAction>;

/** GET /admin/dead-letters/:id, and what retry and discard answer. */
export const DeadLetterDetail = Type.Object(
  { ...DeadLetter.properties, actions: Type.Array(Type.Ref(DeadLetterAction)) },
  { $id: "DeadLetterDetail" },
);
export type DeadLetterDetail = Static<typeof DeadLetterDetail>;

/** POST /admin/dead-letters/:id/discard */
export const DiscardDeadLetter = Type.Object({ why: Why }, { $id: "DiscardDeadLetter", additionalProperties: false });
export type DiscardDeadLetter = Static<typeof DiscardDeadLetter>;
