import { expect, test } from "bun:test";
import type { StackContext } from "./service.ts";
import { untilReady } from "./until-ready.ts";

test("a configured address is reported with its variable, not with a log that belongs to another server", async () => {
  const env = { REDIS_URL: "redis://127.0.0.1:1" };
  const layout = { logOf: () => "/nowhere/redis.log" };
  const context = { env, layout, ports: {}, progress: { begin() {} } } as unknown as StackContext;
  const waiting = { timeoutS: 0.1, processes: [] };
  await expect(untilReady(context, "redis", { ...waiting, remedy: "check REDIS_URL" })).rejects.toThrow(
    /^redis at 127\.0\.0\.1:1 .*: check REDIS_URL$/,
  );
  await expect(untilReady(context, "redis", waiting)).rejects.toThrow(/: see `\.\/dev logs redis`$/);
});
