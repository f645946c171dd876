/**
 * What a database error means for the work that met it.
 * transient: the same statement may succeed later. permanent: this data never will. unknown: anything else, among it a
 * server that is set up wrongly (a missing table, a missing right); wait and alert, but do not reject the data.
 */
export type ErrorKind = "transient" | "permanent" | "unknown";

/** By SQLSTATE; a two-character key is a whole class. The longer key wins. PostgreSQL's Appendix A. */
const BY_SQLSTATE: Readonly<Record<string, ErrorKind>> = {
  "08": "transient", // connection exceptions
  "22": "permanent", // data exceptions
  "23": "permanent", // integrity constraint violations
  "25006": "transient", // read-only transaction: a standby, until it is promoted or the client finds the primary
  "25P03": "transient", // idle-in-transaction timeout
  "40": "transient", // rollback: serialization failure, deadlock
  "53": "transient", // insufficient resources: disk full, out of memory, too many connections
  "54": "permanent", // a program limit exceeded
  "55000": "transient", // object not in prerequisite state (a standby in recovery, a lagging replica)
  "55006": "transient", // object in use (DROP or CREATE DATABASE meanwhile)
  "55P03": "transient", // lock not available
  "57": "transient", // operator intervention: shutdown, crash, starting up, cancelled
  "58": "transient", // system errors: I/O
};

/** What the driver and the operating system say when there is no server to answer. */
const BY_ERRNO: Readonly<Record<string, ErrorKind>> = {
  CONNECTION_CLOSED: "transient",
  CONNECTION_DESTROYED: "transient",
  CONNECTION_ENDED: "transient",
  CONNECT_TIMEOUT: "transient",
  ECONNREFUSED: "transient",
  ECONNRESET: "transient",
  EHOSTUNREACH: "transient",
  ENETUNREACH: "transient",
  ENOENT: "transient", // a unix socket that is not there
  ENOTFOUND: "transient",
  EAI_AGAIN: "transient",
  EPIPE: "transient",
  ETIMEDOUT: "transient",
  ERR_SOCKET_CLOSED: "transient",
};

/** The first `code` along the chain of causes: DrizzleQueryError has none, its `cause` has. */
function codeOf(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const code = (at as { code?: unknown }).code;
    if (typeof code === "string") return code;
  }
  return undefined;
}

// Every SQLSTATE has a digit; errnos of five letters (EPERM, EBUSY) have none.
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/** The SQLSTATE, if the server itself refused; undefined for a server that did not answer. */
export function sqlState(error: unknown): string | undefined {
  const code = codeOf(error);
  return code !== undefined && SQLSTATE.test(code) && !(code in BY_ERRNO) ? code : undefined;
}

/** Whether the error comes from the database or the way to it. */
export function isDatabaseError(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && (code in BY_ERRNO || SQLSTATE.test(code));
}

/** Whether there is no server to answer, or one that is just starting or stopping. */
export function isAway(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && (code in BY_ERRNO || code.startsWith("57P") || code.startsWith("08"));
}

export function classify(error: unknown): ErrorKind {
  const code = codeOf(error);
  if (code === undefined) return "unknown";
  return BY_ERRNO[code] ?? BY_SQLSTATE[code] ?? BY_SQLSTATE[code.slice(0, 2)] ?? "unknown";
}
