import { type Static, type TObject, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { HttpRequest } from "../transports/transport.ts";
import { named } from "./json-body.ts";

/** `?cursor=&limit=` of every list. */
export const PageQuery = Type.Object({
  cursor: Type.Optional(Type.String({ maxLength: 128, description: "`nextCursor` of the page before" })),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
});

/**
 * Refuses parameters that a call does not take, and those that came twice: a filter that is ignored, or of which one value is
 * picked, answers a question that nobody asked. @throws StampedeError VALIDATION_FAILED
 */
export function checkParameters(query: string, known: readonly string[]): void {
  if (query === "") return;
  const seen = new Set<string>();
  const unknown = new Set<string>();
  for (const name of new URLSearchParams(query).keys()) {
    if (!known.includes(name)) unknown.add(name);
    else if (seen.has(name)) throw new StampedeError("VALIDATION_FAILED", `${name}: given twice`);
    else seen.add(name);
  }
  if (unknown.size === 0) return;
  const taken = known.length === 0 ? "it takes none" : `it takes ${known.join(", ")}`;
  throw new StampedeError("VALIDATION_FAILED", `${named(unknown)}: not a parameter of this call; ${taken}`);
}

/** What is asked for behind the `?`; numbers and defaults as the schema has them. @throws StampedeError VALIDATION_FAILED */
export function queryOf<T extends TObject>(schema: T, request: HttpRequest): Static<T> {
  checkParameters(request.query, Object.keys(schema.properties));
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
