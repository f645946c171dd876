import { expect, test } from "bun:test";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { CallLine } from "../../db/settings/audit.ts";
import type { Identity } from "../auth/identity.ts";
import type { OperatorRole } from "../auth/roles.ts";
import type { Declaration } from "../http/declaration.ts";
import type { CallRecord } from "../http/door.ts";
import { AuditedCalls } from "./audited-calls.ts";

const EDIT = { audit: true, caller: "seller", operationId: "editSale", path: "/admin/coupons/:id" } as Declaration;
const CANCEL = { ...EDIT, caller: "user", operationId: "cancelOrder" } as Declaration;

const who = (userId: string, ...roles: OperatorRole[]) => ({ userId: userId as UserId, roles }) as unknown as Identity;

function call(declaration: Declaration, caller: Identity | null, path = "/admin/coupons/s1", query = ""): CallRecord {
  const params: Record<string, string> = declaration.path.includes(":") ? { id: path.split("/").at(-1)! } : {};
  const request = { path, query, params } as unknown as CallRecord["request"];
  return { id: "r1", declaration, caller, request, address: "192.0.2.7" };
}

function audited() {
  const lines: CallLine[] = [];
  let now = Date.parse("2026-12-01T10:00:00.000Z");
  const calls = new AuditedCalls(
    (line) => lines.push(line),
    () => now,
  );
  const pass = (ms: number) => {
    now += ms;
  };
  return { calls, lines, pass };
}

test("an operator's call has a line with its outcome, refused ones too", () => {
  const { calls, lines } = audited();
  calls.answered(call(EDIT, who("olga", "seller"), "/admin/coupons/s1", "limit=5"), { status: 200 }, null);
  calls.answered(call(EDIT, who("vera", "viewer"), "/admin/coupons/s1", "token=x"), { status: 403 }, "FORBIDDEN");
  const common = {
    action: "editSale",
    target: "s1",
    at: "2026-12-01T10:00:00.000Z",
    requestId: "r1",
    address: "192.0.2.7",
  };
  expect(lines).toEqual([
    { ...common, actor: "olga", detail: { path: "/admin/coupons/s1", query: "limit=5" }, status: 200, code: null },
    { ...common, actor: "vera", detail: { path: "/admin/coupons/s1" }, status: 403, code: "FORBIDDEN" },
  ]);
});

test("the target is named as changes name it, and a path without parameters names itself", () => {
  const { calls, lines } = audited();
  const admin = who("olga", "admin");
  const letters = { ...EDIT, path: "/admin/dead-letters/:id", auditPrefix: "dead-letter" } as Declaration;
  calls.answered(call(letters, admin, "/admin/dead-letters/17"), { status: 200 }, null);
  calls.answered(call({ ...EDIT, path: "/admin/saga" } as Declaration, admin, "/admin/saga"), { status: 200 }, null);
  calls.answered(
    call(EDIT, admin, `/admin/coupons/\u0000\ud800${"x".repeat(9_000)}`),
    { status: 404 },
    "COUPON_NOT_FOUND",
  );
  expect(lines.slice(0, 2).map(({ target }) => target)).toEqual(["dead-letter:17", "/admin/saga"]);
  expect(lines[2]!.target).toBe(`��${"x".repeat(298)}`);
  expect((lines[2]!.detail.path as string).length).toBe(300);
});

test("a customer's own call has no line, and an operator's call of the same has one", () => {
  const { calls, lines } = audited();
  calls.answered(call(CANCEL, who("carl")), { status: 200 }, null);
  calls.answered(call(CANCEL, who("tess", "treasurer")), { status: 200 }, null);
  calls.answered(call({ ...CANCEL, audit: false } as Declaration, who("tess", "treasurer")), { status: 200 }, null);
  expect(lines.map(({ actor }) => actor)).toEqual(["tess"]);
});

test("strangers cannot fill the log: twenty lines at once, one a second, and the next says how many have none", () => {
  const { calls, lines, pass } = audited();
  for (let i = 0; i < 500; i++) {
    calls.answered(call(EDIT, i % 2 === 0 ? null : who("carl")), { status: i % 2 === 0 ? 401 : 403 }, "X");
  }
  expect({ lines: lines.length, leftOut: calls.leftOut }).toEqual({ lines: 20, leftOut: 480 });
  expect(new Set(lines.map(({ actor }) => actor))).toEqual(new Set(["not identified", "carl"]));
  calls.answered(call(EDIT, who("olga", "admin")), { status: 200 }, null);
  expect(lines.at(-1)).toMatchObject({ actor: "olga", detail: { path: "/admin/coupons/s1" } });
  pass(3_500);
  for (let i = 0; i < 10; i++) calls.answered(call(EDIT, null), { status: 401 }, "TOKEN_INVALID");
  expect(lines.slice(21).map(({ detail }) => detail.leftOut)).toEqual([480, undefined, undefined]);
  expect(calls.leftOut).toBe(487);
});
