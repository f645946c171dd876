import { type Static, type TObject, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { StampedeError } from "../contracts/errors.ts";
import type { HttpRequest } from "./transports/transport.ts";

/** `?cursor=&limit=` of every list. */
export const PageQuery = Type.Object({
  cursor: Type.Optional(Type.String({ maxLength: 128, description: "`nextCursor` of the page before" })),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
});

/** What is asked for behind the `?`; numbers and defaults as the schema has them. @throws StampedeError VALIDATION_FAILED */
export function queryOf<T extends TObject>(schema: T, request: HttpRequest): Static<T> {
  const given: Record<string, unknown> = {};
  for (const [name, text] of new URLSearchParams(request.query)) {
    // Value.Convert would make 1 of 1.5.
    given[name] = schema.properties[name]?.type === "integer" && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  }
  const query = Value.Default(schema, given);
  if (!Value.Check(schema, query)) {
    const first = Value.Errors(schema, query).First();
    // Of a choice the validator can only say that none fits; its description says what would.
    const description = first?.schema.anyOf && first.schema.description;
    const expected = description ? `expected ${description}` : first?.message;
    throw new StampedeError("VALIDATION_FAILED", `${first?.path.slice(1)}: ${expected}`);
  }
  return query;
}

/** Which page is asked for. @throws StampedeError VALIDATION_FAILED */
export function pageOf(request: HttpRequest): { cursor: string | null; limit: number } {
  const { cursor, limit } = queryOf(PageQuery, request);
  return { cursor: cursor ?? null, limit };
}
