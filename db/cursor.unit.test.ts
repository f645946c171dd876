import { expect, test } from "bun:test";
import fc from "fast-check";
import { COUPON_ID } from "../contracts/wire/ids.ts";
import { serialCursors, timeCursors } from "./cursor.ts";

const serial = serialCursors("points");
const time = timeCursors("sales", COUPON_ID);
const codecs = [serial, time];
const written = (value: unknown) => Buffer.from(JSON.stringify(value) ?? "").toString("base64url");
const refusal = expect.objectContaining({ code: "VALIDATION_FAILED" });

test("a cursor carries its key there and back", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (id) => {
      expect(serial.decode(serial.encode(id))).toEqual([id]);
    }),
  );
  const id = fc.stringMatching(/^[0-9a-z]{12}$/);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 253_402_300_799_999 }), id, (at, couponId) => {
      expect(time.decode(time.encode(at, couponId))).toEqual([at, couponId]);
    }),
  );
});

test.each([
  ["empty", ""],
  ["no JSON", "nonsense"],
  ["no list", written({ a: 1 })],
  ["null", written(null)],
  ["of another list", timeCursors("products", COUPON_ID).encode(1, "000000000000")],
  ["without the list's name", written([1_700_000_000_000, "000000000000"])],
  ["of the other kind", serialCursors("sales").encode(1)],
  ["beyond every clock", written(["sales", Number.MAX_SAFE_INTEGER, "000000000000"])],
  ["beyond PostgreSQL's text of a time", written(["sales", 253_402_300_800_000, "000000000000"])],
  ["before 1970", written(["sales", -1, "000000000000"])],
  ["of half a millisecond", written(["sales", 0.5, "000000000000"])],
  ["with a NUL", written(["sales", 1, "00000000000\0"])],
  ["with an id of another kind", written(["sales", 1, "x"])],
  ["with a line break behind its id", written(["sales", 1, "000000000000\n"])],
  ["with a list as id", written(["sales", 1, ["000000000000"]])],
  ["with one part too many", written(["sales", 1, "000000000000", 1])],
  ["a serial of 0", written(["points", 0])],
  ["a serial as text", written(["points", "1"])],
  ["a serial beyond safe integers", Buffer.from('["points",9007199254740993]').toString("base64url")],
  ["spelled otherwise", Buffer.from('["points", 1]').toString("base64url")],
  ["padded", `${serial.encode(1)}==`],
  ["with junk behind it", `${serial.encode(12)}!`],
])("refused: a cursor that is %s", (_, cursor) => {
  for (const codec of codecs) expect(() => codec.decode(cursor)).toThrow(refusal);
});

test("whatever is sent as a cursor is a key in range or a refusal with a code", () => {
  const part = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.double(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.constant("points"),
  );
  const anything = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json().map((text) => Buffer.from(text).toString("base64url")),
    fc.array(part).map((parts) => written(["sales", ...parts])),
    fc.array(part).map((parts) => written(["points", ...parts])),
  );
  fc.assert(
    fc.property(anything, (cursor) => {
      for (const codec of codecs) {
        try {
          const key = codec.decode(cursor);
          expect(codec.encode(...(key as never as [never, never]))).toBe(cursor);
        } catch (error) {
          expect(error).toMatchObject({ code: "VALIDATION_FAILED" });
        }
      }
    }),
  );
});
