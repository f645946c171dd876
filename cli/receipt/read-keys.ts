import { readFileSync } from "node:fs";
import { parseReceiptKeys, RECEIPT_KEYS_PATH, type ReceiptKey } from "../../contracts/claims/receipt-keys.ts";
import { CliError } from "../../stack/errors.ts";

const TIMEOUT_MS = 10_000;
/** More than MAX_RECEIPT_KEYS keys need. */
const MAX_BYTES = 100_000;

/** Keys of a file (a gateway's, or a copy of the published ones), of a URL, or of a shop's address. @throws CliError */
export async function readReceiptKeys(place: string): Promise<readonly ReceiptKey[]> {
  const text = /^https?:\/\//.test(place) ? await fetched(place) : readText(place);
  try {
    return parseReceiptKeys(text);
  } catch (error) {
    throw new CliError(`${place} has no keys of receipts: ${(error as Error).message}`);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CliError(`${file} can't be read (${(error as NodeJS.ErrnoException).code ?? "not a file"})`);
  }
}

async function fetched(address: string): Promise<string> {
  if (!URL.canParse(address)) throw new CliError(`${address} is no address`, { exitCode: 2 });
  const url = new URL(address);
  if (url.pathname === "/") url.pathname = RECEIPT_KEYS_PATH;
  let response: Response;
  let bytes: ArrayBuffer;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), headers: { accept: "application/json" } });
    bytes = await response.arrayBuffer();
  } catch (error) {
    throw new CliError(`${url} does not answer: ${(error as Error).message}`);
  }
  if (!response.ok) throw new CliError(`${url} answers ${response.status}`);
  if (bytes.byteLength > MAX_BYTES) throw new CliError(`${url} answers more than ${MAX_BYTES} bytes`);
  return new TextDecoder().decode(bytes);
}
