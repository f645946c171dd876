import { expect, test } from "bun:test";
import { REPLAY_WINDOW_S, signWebhook, verifyWebhook } from "./webhook.ts";

const body = Buffer.from('{"id":"evt_1"}');
const NOW = 1_800_000_000;
const code = (header: string | undefined, { secrets = ["s3cret"], bytes = body as Uint8Array, now = NOW } = {}) => {
  try {
    verifyWebhook(secrets, header, bytes, now);
    return "taken";
  } catch (error) {
    return (error as { code: string }).code;
  }
};
const header = signWebhook("s3cret", body, NOW);

test("what was signed with the secret, lately, is taken", () => {
  expect(code(header)).toBe("taken");
  expect(code(header, { now: NOW + REPLAY_WINDOW_S })).toBe("taken");
  // While a secret is being changed, a provider signs with both.
  const [, old] = signWebhook("older", body, NOW).split(",");
  expect(code(`${header},${old}`)).toBe("taken");
  expect(code(`${header},${old}`, { secrets: ["older"] })).toBe("taken");
});

test("another body, time or secret, or none at all, is refused", () => {
  expect(code(header, { bytes: Buffer.from('{"id":"evt_2"}') })).toBe("SIGNATURE_INVALID");
  expect(code(header.replace(String(NOW), String(NOW + 1)))).toBe("SIGNATURE_INVALID");
  expect(code(header, { secrets: ["other"] })).toBe("SIGNATURE_INVALID");
  expect(code(signWebhook("", body, NOW), { secrets: [""] })).toBe("SIGNATURE_INVALID");
  expect(code(header, { secrets: [] })).toBe("SIGNATURE_INVALID");
  for (const wrong of [undefined, "", "t=1", "v1=00", `t=${NOW},v1=zz`, header.toUpperCase(), `${header} `]) {
    expect(code(wrong)).toBe("SIGNATURE_INVALID");
  }
});

test("while the gateway's secret is being changed, the new and the previous one are taken, and no third", () => {
  const secrets = ["newer", "s3cret"];
  expect(code(header, { secrets })).toBe("taken");
  expect(code(signWebhook("newer", body, NOW), { secrets })).toBe("taken");
  expect(code(signWebhook("third", body, NOW), { secrets })).toBe("SIGNATURE_INVALID");
});

test("what was signed too long ago, or in the future, may be a recorded call", () => {
  expect(code(header, { now: NOW + REPLAY_WINDOW_S + 1 })).toBe("SIGNATURE_EXPIRED");
  expect(code(header, { now: NOW - REPLAY_WINDOW_S - 1 })).toBe("SIGNATURE_EXPIRED");
});
