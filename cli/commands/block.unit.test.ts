import { expect, spyOn, test } from "bun:test";
import type { Block, CreateBlock } from "../../contracts/wire/blocks.ts";
import type { AdminApi } from "../sale/admin-api.ts";
import { blockCommand, blocksCommand, unblockCommand } from "./block.ts";
import { revokeCommand } from "./sale-revoke.ts";

const blocked: CreateBlock[] = [];
const unblocked: object[] = [];
const api = {
  async block(asked: CreateBlock) {
    blocked.push(asked);
    const { userId = null, tokenId = null, until = null, why } = asked;
    return { userId, tokenId, until, why, blockedBy: "operator:cli", blockedAt: "2026-12-01T00:00:00.000Z" } as Block;
  },
  async unblock(subject: object) {
    unblocked.push(subject);
    return { unblocked: unblocked.length === 1 };
  },
  blocks: async () => [],
  revoke: async (requestId: string) => ({ requestId, userId: "bob", released: true }),
} as unknown as AdminApi;

async function said(command: ReturnType<typeof blockCommand>, ...args: string[]): Promise<string> {
  const lines: string[] = [];
  const log = spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
  try {
    await command
      .exitOverride()
      .configureOutput({ writeErr() {} })
      .parseAsync(args, { from: "user" });
  } finally {
    log.mockRestore();
  }
  return lines.join("\n");
}

test("a user or a token is blocked, for good, for a span or until a time", async () => {
  const why = ["--why", "bot"];
  expect(
    await said(
      blockCommand(() => api),
      "bob",
      ...why,
    ),
  ).toBe("blocked bob until it is unblocked");
  expect(blocked.pop()).toEqual({ userId: "bob", why: "bot" } as never);
  await said(
    blockCommand(() => api),
    "bob",
    ...why,
    "--for",
    "7d",
  );
  expect(Date.parse(blocked.pop()!.until!) - Date.now()).toBeCloseTo(7 * 86_400_000, -5);
  await said(
    blockCommand(() => api),
    "--token",
    "t1",
    ...why,
    "--until",
    "2099-01-01",
  );
  expect(blocked.pop()).toEqual({ tokenId: "t1", until: "2099-01-01T00:00:00.000Z", why: "bot" } as never);
});

test.each([
  ["nobody", []],
  ["a user and a token", ["bob", "--token", "t1"]],
  ["a user id with a space", ["b ob"]],
  ["an end in the past", ["bob", "--until", "2020-01-01"]],
  ["two ends", ["bob", "--until", "+1h", "--for", "1h"]],
  ["a token id with a space", ["--token", "t 1"]],
])("%s is refused", async (_, args) => {
  await expect(
    said(
      blockCommand(() => api),
      ...args,
      "--why",
      "bot",
    ),
  ).rejects.toThrow();
  expect(blocked).toEqual([]);
});

test("a block is ended; who was not blocked is said", async () => {
  expect(
    await said(
      unblockCommand(() => api),
      "bob",
    ),
  ).toBe("unblocked bob");
  expect(
    await said(
      unblockCommand(() => api),
      "--token",
      "t1",
    ),
  ).toBe("token t1 was not blocked");
  expect(unblocked).toEqual([{ userId: "bob" }, { tokenId: "t1" }]);
  expect(await said(blocksCommand(() => api))).toBe("nobody is blocked");
});

test("a revocation blocks the owner only if told so", async () => {
  const request = "7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd";
  await said(
    revokeCommand(() => api),
    request,
    "--why",
    "bot",
  );
  expect(blocked).toEqual([]);
  const text = await said(
    revokeCommand(() => api),
    request,
    "--why",
    "bot",
    "--block",
  );
  expect(blocked).toEqual([{ userId: "bob", why: "bot" } as never]);
  expect(text).toContain("blocked bob");
});
