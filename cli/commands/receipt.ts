import { Type } from "@sinclair/typebox";
import { Command, InvalidArgumentError } from "commander";
import { KEY_ID, v1Key } from "../../contracts/claims/receipt.ts";
import { readEnvironment } from "../../contracts/wire/environment.ts";
import type { RequestId, UserId } from "../../contracts/wire/ids.ts";
import { GatewayEnvironment } from "../../gateway/config.ts";
import { inheritedEnvironment } from "../../stack/config.ts";
import { createStack } from "../../stack/stack.ts";
import { checkReceipt, FAULT_TEXTS, type Verdict } from "../receipt/check.ts";
import { addReceiptKey, type KeyWish, retireReceiptKey } from "../receipt/keys-file.ts";
import { readReceiptKeys } from "../receipt/read-keys.ts";
import { parseTime } from "../sale/times.ts";
import { requestIdOf } from "./sale-revoke.ts";
import { userId } from "./token.ts";

const MEANINGS = {
  ACCEPTED: "the claim was granted; it is stored later, or its owner is told that it failed",
  PENDING: "the log of a queued sale has the request; whether it wins is not decided",
  ISSUED: "the coupon was stored for this user, with this slot",
  claimed: "the claim was accepted, or the request of a queued sale was logged",
} as const;

/** What a genuine receipt says, for people. */
function shown(proven: Verdict & { ok: true }): string {
  const { kind, couponId, requestId, slot, receivedAt, keyId, algorithm } = proven;
  const by =
    keyId === null
      ? "the gateway's secret (version 1)"
      : `key ${keyId} (${algorithm === "ed25519" ? "Ed25519" : "HMAC"})`;
  const lines = [
    `genuine: made with ${by}`,
    `  ${(kind ?? "claimed").padEnd(9)} ${MEANINGS[kind ?? "claimed"]}`,
    `  sale      ${couponId}`,
    `  request   ${requestId}`,
    `  user      ${proven.userId}`,
    ...(slot === null ? [] : [`  slot      ${slot}`]),
    `  received  ${receivedAt}`,
    "It does not prove that the claim was not revoked and the coupon not used since: GET /coupons/requests/<id> and /me/coupons say that.",
  ];
  return lines.join("\n");
}

/** The key of receipts of version 1 of this stack's gateways. */
function ownV1Key() {
  const { RECEIPT_SECRET } = readEnvironment(Type.Pick(GatewayEnvironment, ["RECEIPT_SECRET"]), inheritedEnvironment());
  return v1Key(RECEIPT_SECRET.reveal(), createStack().env.JWT_SECRET);
}

interface VerifyOptions {
  readonly keys?: string;
  readonly request?: RequestId;
  readonly user?: UserId;
  readonly json?: boolean;
}

async function verify(receipt: string, { keys: place, request, user, json }: VerifyOptions): Promise<void> {
  const keys = receipt.startsWith("v1.") ? [] : await readReceiptKeys(place ?? createStack().env.RECEIPT_KEYS_FILE);
  const verdict = checkReceipt(receipt, keys, ownV1Key, { requestId: request, userId: user });
  if (json) console.log(JSON.stringify(verdict, null, 2));
  else if (verdict.ok) console.log(shown(verdict));
  else console.log(`it proves nothing: ${FAULT_TEXTS[verdict.fault]}`);
  if (!verdict.ok) process.exitCode = 1;
}

function verifyCommand(): Command {
  return new Command("verify")
    .description("Says what a receipt proves; exit 0: it is genuine, 1: it proves nothing")
    .argument("<receipt>", "v2.…, or v1.… with --request and --user; in single quotes, for a user id may contain $")
    .option("--keys <place>", "a shop's address, the URL of its keys, or a file; default: this stack's own keys")
    .option("--request <id>", "it must be about this request", requestIdOf)
    .option("--user <id>", "it must be this user's", userId)
    .option("--json", "as JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  ./dev receipt verify 'v2.ed25519.…' --keys https://shop.example" +
        "\n  ./dev receipt verify 'v2.ed25519.…' --keys keys.json --user user-42" +
        "\n\nWith a file nothing is asked over the network. docs/receipts.md has the form, and how others check receipts.",
    )
    .action(verify);
}

/** A key's name. @throws InvalidArgumentError */
function keyId(text: string): string {
  if (KEY_ID.test(text)) return text;
  throw new InvalidArgumentError("A key's name has 1 to 32 letters, digits, - and _.");
}

function keyCommand(): Command {
  return new Command("key")
    .description("Adds a new key to a file of keys (RECEIPT_KEYS_FILE), or makes the file")
    .argument("<file>", "readable for its owner only")
    .option("--id <name>", "default: the day from which it signs", keyId)
    .option("--not-before <time>", "from when it signs; default: now in a new file, else in 24 hours", (text) =>
      parseTime(text),
    )
    .addHelpText(
      "after",
      "\nExamples:\n  ./dev receipt key receipt-keys.json\n  ./dev receipt key receipt-keys.json --not-before 2027-01-01" +
        "\n\nGive all gateways the file and restart them before the key signs, so that the key is published by then.",
    )
    .action((file: string, wish: KeyWish) => {
      const { id, notBefore, isPublishedInTime } = addReceiptKey(file, wish, Date.now());
      console.log(`key ${id} signs receipts of claims from ${notBefore.toISOString()} on`);
      if (!isPublishedInTime) {
        console.log("a cache may not have the key by then: who checks a new receipt must fetch the keys again");
      }
    });
}

function retireCommand(): Command {
  return new Command("retire")
    .description("Deletes the private part of a key that signs no more; its receipts stay verifiable")
    .argument("<file>", "the file of keys")
    .argument("<key>", "the key's name", keyId)
    .addHelpText(
      "after",
      "\nExample:\n  ./dev receipt retire receipt-keys.json 2026-12-01" +
        "\n\nFrom then on a claim of the key's time is signed by the key that followed, so a repeat gets another receipt than before." +
        "\nHMAC receipts of the key can't be checked any more. Wait until the sales of its time are over.",
    )
    .action((file: string, key: string) => {
      retireReceiptKey(file, key, Date.now());
      console.log(`key ${key} can sign no more: its private part is deleted, and its public part stays published`);
    });
}

export function receiptCommand(): Command {
  return new Command("receipt")
    .description("Checks receipts of claims, and makes the keys that sign them")
    .addCommand(verifyCommand())
    .addCommand(keyCommand())
    .addCommand(retireCommand())
    .addHelpText("after", "\nExample:\n  ./dev receipt verify 'v2.ed25519.…' --keys https://shop.example");
}
