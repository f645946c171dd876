/** One parsed answer. `text` holds head and body; the body begins at `bodyAt`. */
export interface LoadAnswer {
  readonly status: number;
  readonly text: string;
  readonly bodyAt: number;
  /** The server closes the connection after this. */
  readonly close: boolean;
}

/**
 * Reads HTTP/1.1 answers with a content-length off one connection, one request on its way at a time. Only what the
 * gateway sends is understood (no chunks): anything else throws, so a load test can't mistake it for an answer.
 */
export class ResponseReader {
  #rest = "";

  /** The answer, once it is complete; undefined until then. @throws Error if it is not what we understand */
  take(bytes: Buffer): LoadAnswer | undefined {
    const text = this.#rest + bytes.toString("latin1");
    const headEnd = text.indexOf("\r\n\r\n");
    if (headEnd < 0) return this.#wait(text);
    if (!text.startsWith("HTTP/1.1 ")) throw new Error(`not an HTTP/1.1 answer: ${text.slice(0, 40)}`);
    const status = Number(text.slice(9, 12));
    const bodyAt = headEnd + 4;
    const end = bodyAt + lengthOf(text, headEnd, status);
    if (text.length < end) return this.#wait(text);
    if (text.length > end) throw new Error("more bytes than the answer has");
    this.#rest = "";
    return { status, text, bodyAt, close: /\r\nconnection: *close/i.test(text.slice(12, headEnd)) };
  }

  #wait(text: string): undefined {
    this.#rest = text;
  }
}

function lengthOf(text: string, headEnd: number, status: number): number {
  // Servers differ in the case of the name only; both common spellings end alike.
  const at = text.indexOf("ontent-", 12);
  for (let from = at; from >= 0 && from < headEnd; from = text.indexOf("ontent-", from + 7)) {
    if (/^length:/i.test(text.slice(from + 7, from + 14))) return Number.parseInt(text.slice(from + 14, from + 28), 10);
  }
  if (status === 204 || status === 304) return 0;
  throw new Error(`an answer without content-length: ${text.slice(0, headEnd)}`);
}
