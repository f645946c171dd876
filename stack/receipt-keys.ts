import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { newReceiptKey } from "../contracts/claims/receipt-keys.ts";

/** The file of keys that sign receipts: the environment's, else one with a new key, made once for each stack. */
export function keptReceiptKeys(file: string, given: string | undefined): string {
  if (given) return given;
  const now = new Date();
  const keys = [newReceiptKey(`dev-${now.toISOString().slice(0, 10)}`, now)];
  mkdirSync(dirname(file), { recursive: true });
  try {
    writeFileSync(file, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return file;
}
