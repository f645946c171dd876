import { type Static, Type } from "@sinclair/typebox";
import { Timestamp } from "./date-time.ts";
import { Page } from "./page.ts";

const TextOrNull = (description: string) => Type.Union([Type.String(), Type.Null()], { description });

/** A line of the audit log: a change, committed together with what it says, or an operator's call with its outcome. */
export const AuditLine = Type.Object(
  {
    id: Type.String({ examples: ["4711"] }),
    at: Timestamp,
    actor: Type.String({
      description: "The token's `sub`; `not identified` without a valid token; `role:…` for the machinery",
    }),
    action: Type.String({
      description: "Of a call its operationId; of a change what happened",
      examples: ["editSale", "sale.edited"],
    }),
    target: Type.String({ description: "What the path names, or the path" }),
    detail: Type.Record(Type.String(), Type.Unknown(), {
      description: "Of a change what it was before and after; of a call its path",
    }),
    requestId: TextOrNull("The HTTP request, which refusals name; a call and the changes that it made have the same"),
    status: Type.Union([Type.Integer(), Type.Null()], { description: "Of a call its HTTP status; null: a change" }),
    code: TextOrNull("Of a call that was refused or failed"),
    address: TextOrNull("Of a call the client's address"),
  },
  { $id: "AuditLine" },
);
export type AuditLine = Static<typeof AuditLine>;

export const AuditList = Type.Object({ items: Type.Array(Type.Ref(AuditLine)), ...Page }, { $id: "AuditList" });
export type AuditList = Static<typeof AuditList>;

/** The actor of calls without a valid token. No user has this id: ids have no spaces. */
export const NOT_IDENTIFIED = "not identified";
