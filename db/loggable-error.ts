import { sqlState } from "./errors.ts";

/** What of an error may stand in a log, in a dead letter or on a terminal. */
export interface LoggableError {
  readonly name: string;
  /** The error's own or its cause's; its name if it has none. */
  readonly code: string;
  readonly message: string;
  /** The lines of the stack alone: engines repeat the message above them. */
  readonly frames: string | undefined;
}

const LONGEST_MESSAGE = 500;

/**
 * The one place that decides what is told of an error. Parameters of statements, user ids among them, are never told: Drizzle
 * puts them into its message (and so into the stack), the driver into members, and the server repeats a value that it can't read
 * (SQLSTATE 22…) in its sentence, and in `detail`, which is not told either.
 */
export function loggable(error: unknown): LoggableError {
  if (!(error instanceof Error)) {
    return { name: "UNKNOWN", code: "UNKNOWN", message: String(error).slice(0, LONGEST_MESSAGE), frames: undefined };
  }
  const cause = error.cause instanceof Error ? error.cause : undefined;
  const code = (error as { code?: unknown }).code ?? (cause as { code?: unknown } | undefined)?.code;
  return {
    name: error.name,
    code: typeof code === "string" ? code : error.name,
    message: messageOf(error).slice(0, LONGEST_MESSAGE),
    frames: framesOf(error),
  };
}

function messageOf(error: Error): string {
  if (isDrizzle(error)) return error.cause instanceof Error ? messageOf(error.cause) : "a statement failed";
  // `invalid input syntax for type integer: "…"`, `value "…" is out of range`: the kind of fault is enough, the value is not ours to tell.
  // A JSON parser quotes what it could not read.
  if (sqlState(error)?.startsWith("22") || error instanceof SyntaxError) return error.message.replace(/".*"/s, "…");
  return error.message;
}

/** By its message as well: a bundler may rename the class. */
const isDrizzle = (error: Error) => error.name === "DrizzleQueryError" || error.message.startsWith("Failed query: ");

function framesOf({ stack }: Error): string | undefined {
  const frames = stack?.split("\n").filter((line) => /^\s+at /.test(line));
  return frames === undefined || frames.length === 0 ? undefined : frames.join("\n");
}
