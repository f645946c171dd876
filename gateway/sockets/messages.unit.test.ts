import { expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import fc from "fast-check";
import { ClientMessages } from "../../contracts/wire/socket-messages.ts";
import { parseClientMessage } from "./messages.ts";

const schemas = Object.values(ClientMessages);
const bySchema = (value: unknown) => schemas.some((schema) => Value.Check(schema, value));

const text = fc.oneof(
  fc.string({ maxLength: 10 }),
  fc.integer({ min: 60, max: 70 }).map((n) => "x".repeat(n)),
  fc.constant("x".repeat(4096)),
  fc.constant("x".repeat(4097)),
);
const anything = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null), fc.constant([]), fc.constant({}));
const nearlyMessage = fc.record(
  {
    type: fc.oneof(fc.constantFrom(...Object.keys(ClientMessages), "constructor", "toString"), anything),
    token: anything,
    couponId: anything,
    cursor: anything,
    ref: anything,
  },
  { requiredKeys: [] },
);

test("the hand-written check accepts exactly what the published schema accepts", () => {
  fc.assert(
    fc.property(fc.oneof(nearlyMessage, fc.jsonValue()), (value) => {
      // The envelope's ref is checked for all types; the schema of `auth` and `resume` does not know it.
      const { ref } = (value ?? {}) as { ref?: unknown };
      fc.pre(ref === undefined || (typeof ref === "string" && ref.length <= 64));
      expect("message" in parseClientMessage(JSON.stringify(value))).toBe(bySchema(value));
    }),
    { numRuns: 3000 },
  );
});

test("text that is no JSON, no object or not of a known type says what is wrong", () => {
  const why = (raw: string) => (parseClientMessage(raw) as { invalid: string }).invalid;
  expect(why("{")).toBe("The message is not JSON");
  expect(why("")).toBe("The message is not JSON");
  for (const raw of ["null", "[]", "1", '"claim"']) expect(why(raw)).toBe("A message is a JSON object");
  expect(why("{}")).toContain("`type` must be one of");
  expect(why('{"type":"claim"}')).toContain("couponId");
  expect(why('{"type":"resume","cursor":7}')).toContain("cursor");
  expect(why(`{"type":"ping","ref":"${"r".repeat(65)}"}`)).toContain("ref");
});

test("a message that is wrong but names itself is answered under its name", () => {
  expect(parseClientMessage('{"type":"claim","ref":"a"}')).toMatchObject({ ref: "a" });
  expect(parseClientMessage('{"type":"nothing","ref":"b"}')).toMatchObject({ ref: "b" });
});

test("unknown members are ignored", () => {
  expect(parseClientMessage('{"type":"ping","later":1}')).toHaveProperty("message");
});
