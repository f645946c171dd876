import { Type } from "@sinclair/typebox";

// PostgreSQL's text cannot hold a zero byte, and its jsonb no half of a surrogate pair. Without this check both would be a 500.
export const STORABLE = "^(?:[^\\u0000\\ud800-\\udfff]|[\\ud800-\\udbff][\\udc00-\\udfff])*$";

/** Text for people, of 1 to `maxLength` UTF-16 units, that PostgreSQL can store. */
export const storableText = (maxLength: number, description?: string) =>
  Type.String({ minLength: 1, maxLength, pattern: STORABLE, ...(description === undefined ? {} : { description }) });

/** An operator's reason: 1 to 500 characters, one of them visible. */
export const Why = Type.Intersect([storableText(500, "For the audit log"), Type.String({ pattern: "\\S" })]);
