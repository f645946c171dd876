import { expect, test } from "bun:test";
import fc from "fast-check";
import { readTraceparent } from "./traceparent.ts";

const [TRACE, PARENT] = ["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"];
const VALID = `00-${TRACE}-${PARENT}-01`;

test("what the specification calls a traceparent travels on as it is", () => {
  for (const flags of ["00", "01", "ff"]) {
    const header = `00-${TRACE}-${PARENT}-${flags}`;
    expect(readTraceparent(header)).toBe(header);
  }
});

test("whatever else it is, it is dropped", () => {
  const wrong = [
    undefined,
    "",
    VALID.toUpperCase(),
    `00-${"0".repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${"0".repeat(16)}-01`,
    `ff-${TRACE}-${PARENT}-01`,
    `01-${TRACE}-${PARENT}-01-what-the-future-brings`,
    `${VALID}-more`,
    `${VALID}, ${VALID}`,
    ` ${VALID}`,
    `${VALID}\n`,
    `${VALID}\0`,
    VALID.slice(0, -1),
    VALID.replaceAll("-", "_"),
    `00-${TRACE.slice(1)}g-${PARENT}-01`,
    "x".repeat(8_000),
  ];
  for (const header of wrong) expect(readTraceparent(header)).toBeUndefined();
});

test("nothing but 55 hexadecimal digits and hyphens ever passes, with any one character changed", () => {
  fc.assert(
    fc.property(fc.nat(VALID.length), fc.string({ maxLength: 2 }), (at, piece) => {
      const read = readTraceparent(VALID.slice(0, at) + piece + VALID.slice(at + 1));
      expect(read ?? VALID).toMatch(/^[0-9a-f-]{55}$/);
    }),
  );
});
