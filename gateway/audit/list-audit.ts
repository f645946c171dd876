import { Type } from "@sinclair/typebox";
import { AuditList } from "../../contracts/wire/audit.ts";
import { Timestamp } from "../../contracts/wire/date-time.ts";
import type { AuditFilter } from "../../db/settings/list-audit.ts";
import { type Endpoint, endpoint } from "../http/endpoint.ts";
import { PageQuery } from "../http/page.ts";
import { json } from "../http/problem.ts";

/** @throws StampedeError VALIDATION_FAILED for a foreign cursor, DATABASE_UNAVAILABLE */
export type ListAudit = (filter: AuditFilter, cursor: string | null, limit: number) => Promise<AuditList>;

/** Texts that a row can have: none with NUL. */
const Text = (description: string) => Type.Optional(Type.String({ pattern: "^[^\\x00]{1,300}$", description }));

const AuditQuery = Type.Object({
  ...PageQuery.properties,
  actor: Text("A user id, `not identified`, or `role:…`"),
  action: Text("An operationId, or a change like `sale.edited`"),
  target: Text("What the call's path names, or the path"),
  requestId: Text("The `requestId` of a refusal, or of another line"),
  from: Type.Optional({ ...Timestamp, description: "Not earlier" }),
  to: Type.Optional({ ...Timestamp, description: "Earlier" }),
});

const dateOf = (text: string | undefined): Date | undefined => (text === undefined ? undefined : new Date(text));

/** GET /admin/audit: for admins only, because it says what the other operators do. */
export const auditEndpoint = (list: ListAudit): Endpoint =>
  endpoint({
    method: "GET",
    path: "/admin/audit",
    operationId: "listAudit",
    summary: "The audit log: operators' calls with their outcome, and what they changed; newest first",
    tag: "admin",
    audience: "operator",
    caller: "admin",
    cost: "list",
    body: "none",
    query: AuditQuery,
    idempotency: "none",
    cache: "no-store",
    audit: true,
    answers: { 200: AuditList },
    refusals: ["VALIDATION_FAILED", "DATABASE_UNAVAILABLE"],
    handle: async ({ query: { cursor, limit, from, to, ...filter } }) =>
      json(200, await list({ ...filter, from: dateOf(from), to: dateOf(to) }, cursor ?? null, limit)),
  });
