import { expect, test } from "bun:test";
import type { UserId } from "../../contracts/wire/ids.ts";
import { until } from "../../test/support/until.ts";
import { followBlocks, type StoredBlock } from "./blocked.ts";

function stored() {
  const state = { version: 0, blocks: [] as StoredBlock[], reads: 0, away: null as Error | null, hear: () => {} };
  const errors: unknown[] = [];
  const followed = followBlocks(
    {
      async version() {
        if (state.away !== null) throw state.away;
        return state.version;
      },
      async all() {
        state.reads++;
        return state.blocks;
      },
      subscribe(hear) {
        state.hear = hear;
      },
    },
    (error) => errors.push(error),
  );
  return { state, errors, followed };
}
const user = (subject: string, end: number | null = null): StoredBlock => {
  return { kind: "USER", subject, until: end === null ? null : new Date(Date.now() + end) };
};
const ann = "ann" as UserId;

test("blocks are read when their version changed: on a message, and by looking twice a second", async () => {
  const { state, followed } = stored();
  let changes = 0;
  followed.onChange(() => changes++);
  await followed.look();
  expect([state.reads, followed.hasUser(ann)]).toEqual([0, false]);
  Object.assign(state, {
    version: 1,
    blocks: [user("ann"), { kind: "TOKEN", subject: "ann-2", until: new Date(2e12) }],
  });
  state.hear();
  await until("the message was heard", () => followed.hasUser(ann));
  expect([followed.hasToken("ann-2"), followed.hasToken("ann"), followed.hasUser("ann-2" as UserId)]).toEqual([
    true,
    false,
    false,
  ]);
  Object.assign(state, { version: 2, blocks: [] });
  await until("the change was found without a message", () => !followed.hasUser(ann));
  expect([changes, state.reads, followed.size()]).toEqual([2, 2, 0]);
  followed.stop();
});

test("a block ends at its time without a look", async () => {
  const { state, followed } = stored();
  Object.assign(state, { version: 1, blocks: [user("ann", 300)] });
  await followed.look();
  expect(followed.hasUser(ann)).toBe(true);
  await until("it has ended", () => !followed.hasUser(ann));
  expect(state.reads).toBe(1);
  followed.stop();
});

test("while PostgreSQL is away the known blocks hold", async () => {
  const { state, errors, followed } = stored();
  Object.assign(state, { version: 1, blocks: [user("ann")] });
  await followed.look();
  Object.assign(state, { away: new Error("away"), version: 2, blocks: [] });
  await until("the outage was noticed", () => errors.length > 0);
  expect(followed.hasUser(ann)).toBe(true);
  state.away = null;
  await until("it is followed again", () => !followed.hasUser(ann));
  followed.stop();
});
