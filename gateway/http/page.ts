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
 * Refuses unknown parameters, and parameters that occur twice: the answer with an ignored filter, or with one of two values,
 * would be the answer to another question. @throws StampedeError VALIDATION_FAILED
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

/** The query's parameters, with numbers and defaults by the schema. @throws StampedeError VALIDATION_FAILED */
export function queryOf<T extends TObject>(schema: T, request: HttpRequest): Static<T> {
  checkParameters(request.query, Object.keys(schema.properties));
  const given: Record<string, unknown> = {};
  for (const [name, text] of new URLSearchParams(request.query)) {
    // Value.Convert would convert 1.5 to 1.
    given[name] = schema.properties[name]?.type === "integer" && /^-?\d{1,15}$/.test(text) ? Number(text) : text;
  }
  const query = Value.Default(schema, given);
  if (!Value.Check(schema, query)) {
    const first = Value.Errors(schema, query).First();
    // For a union the validator only says that no member fits; the description says which would.
    const description = first?.schema.anyOf && first.schema.description;
    const expected = description ? `expected ${description}` : first?.message;
    throw new StampedeError("VALIDATION_FAILED", `${first?.path.slice(1)}: ${expected}`);
  }
  return query;
}

/** The requested page. @throws StampedeError VALIDATION_FAILED */
export function pageOf(request: HttpRequest): { cursor: string | null; limit: number } {
  const { cursor, limit } = queryOf(PageQuery, request);
  return { cursor: cursor ?? null, limit };
}
