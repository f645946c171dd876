import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jwksText, newIssuerKey, startIssuer } from "../../test/support/issuer.ts";
import { until } from "../../test/support/until.ts";
import { fetchJwks, isKeyAddress } from "./fetch-jwks.ts";
import { LARGEST_SET_BYTES } from "./jwks.ts";
import { openFileKeys, openUrlKeys } from "./key-source.ts";

const folder = mkdtempSync(join(tmpdir(), "keys-"));
afterAll(() => rmSync(folder, { recursive: true }));
const [one, two] = [await newIssuerKey("EdDSA", "one"), await newIssuerKey("ES256", "two")];
const secret = { kty: "oct", kid: "oct", k: Buffer.alloc(32, 7).toString("base64url") };

function logged() {
  const lines: string[] = [];
  const write = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  return { lines, log: { info: write("info"), error: write("error") } };
}

test("keys of a file follow the file; a mistake in it leaves the keys as they are", async () => {
  const file = join(folder, "jwks.json");
  writeFileSync(file, jwksText([one, secret]));
  const { lines, log } = logged();
  const source = await openFileKeys("JWT_JWKS_FILE", file, log);
  try {
    const first = source.find("one")!;
    expect([first.algorithm, source.find("oct")?.algorithm, source.find("two")]).toEqual(["EdDSA", "HS256", undefined]);
    writeFileSync(file, jwksText([one, two]));
    await until("the new key is there", () => source.find("two") !== undefined);
    expect(source.find("one")).toBe(first);
    expect(source.find("oct")).toBeUndefined();
    writeFileSync(file, `${jwksText([two, one.privateJwk])} `);
    await until("the mistake was found", () => source.isFailing);
    expect([source.find("one"), first.isRetired]).toEqual([first, false]);
    expect(lines.join("\n")).toContain("is a private key");
    expect(lines.join("\n")).not.toContain(one.privateJwk.d!);
    writeFileSync(file, `${jwksText([two])}  `);
    await until("the key is retired", () => first.isRetired);
    expect([source.isFailing, source.find("one")]).toEqual([false, undefined]);
  } finally {
    source.stop();
  }
});

test("a file that could not be read for a moment is read again, although it did not change", async () => {
  const [file, away] = [join(folder, "mounted.json"), join(folder, "unmounted.json")];
  writeFileSync(file, jwksText([one]));
  const source = await openFileKeys("JWT_JWKS_FILE", file, logged().log);
  try {
    const key = source.find("one");
    renameSync(file, away);
    await until("the file is missed", () => source.isFailing);
    renameSync(away, file);
    await until("the file is there again", () => !source.isFailing);
    expect(source.find("one")).toBe(key!);
  } finally {
    source.stop();
  }
});

test("a file that is replaced behind a link is read, as Kubernetes does it", async () => {
  const [before, after, link] = ["a.json", "b.json", "link.json"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(before, jwksText([one]));
  writeFileSync(after, jwksText([two]));
  utimesSync(after, 1, 1); // older than the one before
  symlinkSync(before, link);
  const source = await openFileKeys("JWT_JWKS_FILE", link, logged().log);
  try {
    symlinkSync(after, `${link}.new`);
    renameSync(`${link}.new`, link);
    await until("the other file was read", () => source.find("two") !== undefined && source.find("one") === undefined);
  } finally {
    source.stop();
  }
});

test.each([
  ["is absent", null, "ENOENT"],
  ["holds no JSON", "hunter2", "not JSON"],
  ["holds no key", '{"keys":[]}', "no key in it"],
  ["holds a private key", jwksText([one, two.privateJwk]), "key 2 of 2"],
  ["is large", "x".repeat(LARGEST_SET_BYTES + 1), "larger than"],
])("a gateway does not start with a file that %s", async (_, text, why) => {
  const file = join(folder, `wrong-${why.replaceAll(" ", "-")}`);
  if (text !== null) writeFileSync(file, text);
  const opening = openFileKeys("JWT_JWKS_FILE", file, logged().log);
  await expect(opening).rejects.toThrow(`JWT_JWKS_FILE=${file}: `);
  await expect(opening).rejects.toThrow(why);
});

test("keys of a URL: an unknown kid causes at most one fetch in the cooldown, however many ask", async () => {
  const issuer = startIssuer([one]);
  const { lines, log } = logged();
  const source = await openUrlKeys(issuer.url, { refreshS: 3_600, cooldownS: 0.5 }, log);
  try {
    expect([source.find("one")?.algorithm, issuer.fetches]).toEqual(["EdDSA", 1]);
    issuer.publish([one, two]);
    expect(source.refetch()).toBeUndefined(); // fetched a moment ago
    await Bun.sleep(550);
    const many = Array.from({ length: 100 }, () => source.refetch());
    expect(new Set(many).size).toBe(1);
    await many[0];
    expect([source.find("two")?.algorithm, issuer.fetches, source.refetch()]).toEqual(["ES256", 2, undefined]);
    expect(lines.filter((line) => line.includes("the keys of tokens changed"))).toHaveLength(2);
  } finally {
    source.stop();
    await issuer.stop();
  }
});

test("while the issuer is away the keys stay, and it is asked again until it answers", async () => {
  const issuer = startIssuer([one]);
  const { lines, log } = logged();
  const source = await openUrlKeys(issuer.url, { refreshS: 0.2, cooldownS: 0.1 }, log);
  try {
    const key = source.find("one")!;
    const answers: [string, (() => Response) | null][] = [
      ["answered 503", null],
      ["not JSON", () => new Response("<html>")],
      ["no usable key", () => new Response('{"keys":[]}')],
      ["no usable key; key 1 of 1", () => new Response(jwksText([secret]))],
      ["answered more than", () => new Response("x".repeat(LARGEST_SET_BYTES + 1))],
      ["answered 302", () => Response.redirect("http://127.0.0.1:1/")],
    ];
    for (const [why, answer] of answers) {
      issuer.answer(answer);
      await until(`it is said why: ${why}`, () => lines.some((line) => line.includes(why)));
      expect([source.isFailing, source.find("one"), key.isRetired]).toEqual([true, key, false]);
    }
    issuer.publish([two]);
    await until("the new keys are there", () => source.find("two") !== undefined);
    expect([source.isFailing, source.find("one"), key.isRetired]).toEqual([false, undefined, true]);
    expect(lines.join()).not.toContain(secret.k);
  } finally {
    source.stop();
    await issuer.stop();
  }
}, 60_000);

test("an issuer that is away when the gateway starts does not prevent the start", async () => {
  const issuer = startIssuer([one]);
  issuer.answer(null);
  const source = await openUrlKeys(issuer.url, { refreshS: 3_600, cooldownS: 0.1 }, logged().log);
  try {
    expect([source.isFailing, source.find("one")]).toEqual([true, undefined]);
    issuer.publish([one]);
    await until("the keys are there", () => source.find("one") !== undefined);
  } finally {
    source.stop();
    await issuer.stop();
  }
});

test("an endless and a silent answer end", async () => {
  const issuer = startIssuer([one]);
  let isCancelled = false;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(8_192).fill(32)),
        cancel: () => {
          isCancelled = true;
        },
      }),
    );
  issuer.answer(endless);
  await expect(fetchJwks(issuer.url)).rejects.toThrow("answered more than");
  await until("the server was told", () => isCancelled);
  issuer.answer(() => new Promise(() => {}));
  await expect(fetchJwks(issuer.url)).rejects.toThrow(/time/i);
  await issuer.stop();
}, 30_000);

test.each([
  ["https://issuer.example/jwks", true],
  ["http://127.0.0.1:9/jwks", true],
  ["http://localhost/jwks", true],
  ["http://[::1]:9/jwks", true],
  ["http://issuer.example/jwks", false],
  ["http://127.0.0.1.example/jwks", false],
  ["http://localhost.example/jwks", false],
  ["http://10.0.0.1/jwks", false],
  ["https://user:password@issuer.example/jwks", false],
  ["file:///etc/passwd", false],
  ["jwks", false],
])("keys may be fetched from %s: %s", (url, may) => {
  expect(isKeyAddress(url)).toBe(may);
});
