import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { StampedeError } from "../contracts/errors.ts";
import type { HttpRequest } from "./transports/transport.ts";

/** `?cursor=&limit=` of every list. */
export const PageQuery = Type.Object({
  cursor: Type.Optional(Type.String({ maxLength: 128, description: "`nextCursor` of the page before" })),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
});

/** Which page is asked for. @throws StampedeError VALIDATION_FAILED */
export function pageOf(request: HttpRequest): { cursor: string | null; limit: number } {
  const given = Object.fromEntries(new URLSearchParams(request.query));
  const query = Value.Convert(PageQuery, Value.Default(PageQuery, given)) as Static<typeof PageQuery>;
  if (!Value.Check(PageQuery, query)) {
    const first = Value.Errors(PageQuery, query).First();
    throw new StampedeError("VALIDATION_FAILED", `${first?.path.slice(1)}: ${first?.message}`);
  }
  return { cursor: query.cursor ?? null, limit: query.limit };
}
