import { expect, setSystemTime, test } from "bun:test";
import { StampedeError } from "../../contracts/wire/errors.ts";
import { BREAKERS, createStepBreaker, isIllness } from "./breaker.ts";

const refused = (code: string) => Object.assign(new Error("refused"), { code });
const fail = () => Promise.reject(refused("55P03"));

function scenario(openMs: number, step: "STOCK" | "COUPON" = "STOCK") {
  const changes: boolean[] = [];
  const breaker = createStepBreaker({ ...BREAKERS[step]!, openMs }, (open) => changes.push(open));
  /** s: a batch that works, f: one that meets an illness. @returns what came of each: o for not tried */
  const batches = async (what: string) => {
    let came = "";
    for (const one of what) {
      const result = await breaker.run(() => (one === "s" ? Promise.resolve(1) : fail())).catch(() => "failed");
      came += result === null ? "o" : result === 1 ? "s" : "f";
    }
    return came;
  };
  return { changes, batches };
}

test("stock: more than half of at least five batches", async () => {
  const { batches, changes } = scenario(60_000);
  expect(await batches("ffff")).toBe("ffff");
  expect(changes).toEqual([]);
  expect(await batches("fffs")).toBe("fooo");
  expect(changes).toEqual([true]);
});

test("successes among them keep it closed, and old failures are forgotten", async () => {
  const { batches, changes } = scenario(60_000);
  expect(await batches("sfsfsfsfsfssssssffff")).toBe("sfsfsfsfsfssssssffff");
  expect(changes).toEqual([]);
});

test("coupon: three failures in a row are enough", async () => {
  const { batches } = scenario(60_000, "COUPON");
  expect(await batches("ffff")).toBe("fffo");
});

test("after its time one batch tries: an ill neighbour opens it again, a well one closes it", async () => {
  const { batches, changes } = scenario(200);
  await batches("fffff");
  await Bun.sleep(220);
  expect(await batches("ff")).toBe("fo");
  await Bun.sleep(220);
  expect(await batches("ss")).toBe("ss");
  expect(changes).toEqual([true, true, false]);
});

test("a wall clock that is set back by an hour does not keep it open, and one that is set forward does not close it", async () => {
  const { batches } = scenario(200);
  try {
    await batches("fffff");
    setSystemTime(Date.now() + 3_600_000);
    expect(await batches("s")).toBe("o");
    setSystemTime(Date.now() - 2 * 3_600_000);
    await Bun.sleep(220);
    expect(await batches("ss")).toBe("ss");
  } finally {
    setSystemTime();
  }
});

test("what parking helps against, and what not", () => {
  for (const code of ["55P03", "57014", "53300", "40P01"]) expect(isIllness(refused(code))).toBe(true);
  for (const code of ["ECONNREFUSED", "CONNECTION_CLOSED", "57P01", "08006", "22003", "42P01"]) {
    expect(isIllness(refused(code))).toBe(false);
  }
  expect(isIllness(new StampedeError("REDIS_UNAVAILABLE"))).toBe(true);
  expect(isIllness(new StampedeError("VALIDATION_FAILED"))).toBe(false);
});
