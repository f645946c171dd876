import { sql } from "drizzle-orm";
import { check, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
import { id, oneOf, serial, time } from "./columns.ts";

/** Users and tokens that operators blocked. What was unblocked has no row; the audit log keeps both. */
export const blocks = pgTable(
  "blocks",
  {
    id: serial(),
    kind: text("kind").$type<"USER" | "TOKEN">().notNull(),
    // A user id, or the `jti` of a token.
    subject: id("subject").notNull(),
    // NULL: until it is unblocked, which only users are.
    until: time("until"),
    why: text("why").notNull(),
    blockedBy: id("blocked_by").notNull(),
    blockedAt: time("blocked_at").notNull().default(sql`now()`),
  },
  (t) => [
    uniqueIndex("blocks_subject").on(t.kind, t.subject),
    check("blocks_kind", oneOf(t.kind, ["USER", "TOKEN"])),
    check("blocks_token_ends", sql`${t.kind} = 'USER' OR ${t.until} IS NOT NULL`),
  ],
);
