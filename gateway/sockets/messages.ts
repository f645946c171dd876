import type { ClientMessage } from "../../contracts/wire/socket-messages.ts";

export type Parsed =
  | { readonly message: ClientMessage }
  | { readonly invalid: string; readonly ref: string | undefined };

type Fields = Readonly<Record<string, unknown>>;

const isText = (value: unknown, maxLength: number): value is string =>
  typeof value === "string" && value.length <= maxLength;

const LIMITS = { token: 4096, couponId: 64, cursor: 64, ref: 64 } as const;

/** Why a message of this type is not valid; undefined: it is. */
function fault(type: unknown, fields: Fields): string | undefined {
  switch (type) {
    case "auth":
      return isText(fields.token, LIMITS.token) ? undefined : "`token` must be text";
    case "claim":
    case "subscribe":
      return isText(fields.couponId, LIMITS.couponId) ? undefined : "`couponId` must be text of at most 64 characters";
    case "resume":
      return fields.cursor === undefined || isText(fields.cursor, LIMITS.cursor)
        ? undefined
        : "`cursor` must be the cursor of a message, or absent";
    case "ping":
      return undefined;
    default:
      return "`type` must be one of auth, claim, subscribe, resume, ping";
  }
}

/**
 * Parses a client's message. The checks are written by hand, because the compiled schema would double the cost of JSON.parse; a
 * test compares the two. Unknown members are ignored, so that newer clients can use older gateways.
 */
export function parseClientMessage(text: string): Parsed {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { invalid: "The message is not JSON", ref: undefined };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { invalid: "A message is a JSON object", ref: undefined };
  }
  const fields = value as Fields;
  if (fields.ref !== undefined && !isText(fields.ref, LIMITS.ref)) {
    return { invalid: "`ref` must be text of at most 64 characters", ref: undefined };
  }
  const invalid = fault(fields.type, fields);
  if (invalid !== undefined) return { invalid, ref: fields.ref };
  return { message: fields as unknown as ClientMessage };
}
