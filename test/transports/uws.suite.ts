import { expect, test } from "bun:test";
import { listenUws } from "../../gateway/transports/uws.ts";
import { addressText } from "../../gateway/transports/uws-address.ts";
import { transportContract } from "../contracts/transport.contract.ts";

// Runs on Node: see uws.int.test.ts.
transportContract("uws", listenUws, { oldForms: 505, isStrict: false });

test.each([
  ["127.0.0.1", [127, 0, 0, 1]],
  ["::1", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
  ["::ffff:127.0.0.1", [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1]],
  ["2001:db8::ff00:42:8329", [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0xff, 0, 0, 0x42, 0x83, 0x29]],
] as [string, number[]][])("an address reads %s, as Bun writes it", (text, bytes) => {
  expect(addressText(new Uint8Array(bytes).buffer)).toBe(text);
});
