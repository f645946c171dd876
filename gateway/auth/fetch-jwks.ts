import { LARGEST_SET_BYTES } from "./jwks.ts";

/** How long the issuer's server may take for the whole answer. */
const TIMEOUT_MS = 3_000;

/** Whether keys may be fetched from an address: https, or plain http within this machine, and no password in it. */
export function isKeyAddress(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== "" || password !== "") return false;
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname));
}

/**
 * The text of a JWK Set at an address. Redirects are not followed: the configured address is the one that is trusted.
 * @throws Error if the server does not answer 200 in 3 seconds with at most 64 KiB
 */
export async function fetchJwks(url: string): Promise<string> {
  const response = await fetch(url, {
    redirect: "manual",
    headers: { accept: "application/jwk-set+json, application/json" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    throw new Error(`answered ${response.status}`);
  }
  const parts: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop early cancels the answer.
  for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
    bytes += part.length;
    if (bytes > LARGEST_SET_BYTES) throw new Error(`answered more than ${LARGEST_SET_BYTES} bytes`);
    parts.push(part);
  }
  return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(parts));
}
