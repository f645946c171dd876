import { expect, test } from "bun:test";
import { parseReceipt } from "../contracts/claims/receipt.ts";
import { faultOfReceipt, parseReceiptKeys } from "../contracts/claims/receipt-keys.ts";

const page = await Bun.file(new URL("receipts.md", import.meta.url)).text();
const block = (language: string) => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(page)![1]!;
const receipt = /^v2\.ed25519\.\S+$/m.exec(page)![0];
const keys = block("json");

test("the example on the page is genuine by the keys on the page", () => {
  const parsed = parseReceipt(receipt)!;
  expect(faultOfReceipt(parseReceiptKeys(keys), parsed)).toBeNull();
  for (const part of [parsed.kind, parsed.requestId, parsed.time, parsed.slot, parsed.userId, parsed.keyId]) {
    expect(page).toContain(`| \`${part}\` |`);
  }
});

test("the page's JavaScript finds what the receipt proves, and nothing in a receipt that was changed", async () => {
  const whatItProves = new Function(`${block("js")}; return whatItProves;`)();
  expect(await whatItProves(receipt, JSON.parse(keys))).toEqual({
    kind: "ISSUED",
    saleId: "7qj4x0m2kd9a",
    requestId: "7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd",
    time: 1_795_415_559_453,
    slot: "17",
    user: "user-42",
  });
  for (const changed of [receipt.replace(".17.", ".18."), receipt.replace("rfc8032", "other"), "v2"]) {
    expect(await whatItProves(changed, JSON.parse(keys))).toBeNull();
  }
});

const hasPython = Bun.spawnSync(["python3", "-c", "import cryptography"]).exitCode === 0;
test.skipIf(!hasPython)("the page's Python finds it too", () => {
  const program = `${block("python")}\nimport json, sys\nprint(json.dumps(what_it_proves(sys.argv[1], json.loads(sys.argv[2]))))`;
  const run = (text: string) => Bun.spawnSync(["python3", "-c", program, text, keys]);
  expect(JSON.parse(run(receipt).stdout.toString())).toEqual([
    "ISSUED",
    "7qj4x0m2kd9a",
    "7qj4x0m2kd9a-01qkz3m8xv4hn2c7pd",
    1_795_415_559_453,
    "17",
    "user-42",
  ]);
  const changed = run(receipt.replace("user-42", "user-43"));
  expect(changed.exitCode).toBe(1);
  expect(changed.stderr.toString()).toContain("InvalidSignature");
});
