import { expect, test } from "bun:test";
import { newHttpRequestId } from "./request-id.ts";

test("each request has another id: 16 hexadecimal digits that tell nothing about the process", () => {
  const ids = Array.from({ length: 5_000 }, newHttpRequestId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(new Set(ids.map((id) => id.slice(0, 4))).size).toBeGreaterThan(1_000);
});
