import type { Static, TObject } from "@sinclair/typebox";
import { FormatRegistry } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { StampedeError } from "../contracts/errors.ts";
import type { HttpRequest } from "./transports/transport.ts";

// RFC 3339 with a time zone; `Date.parse` alone would take "2027" and local times.
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;
export const isDateTime = (text: string): boolean => DATE_TIME.test(text) && !Number.isNaN(Date.parse(text));

/** A reader for bytes that should be JSON of one schema. @throws StampedeError INVALID_JSON, VALIDATION_FAILED (naming the member) */
export function jsonBytes<T extends TObject>(schema: T): (bytes: Uint8Array) => Static<T> {
  FormatRegistry.Set("date-time", isDateTime);
  const check = TypeCompiler.Compile(schema);
  return (bytes) => {
    let body: unknown;
    try {
      body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch (cause) {
      throw new StampedeError("INVALID_JSON", undefined, { cause });
    }
    if (check.Check(body)) return body;
    const first = check.Errors(body).First();
    const member = first?.path === "" ? "The body" : first?.path.slice(1).replaceAll("/", ".");
    // Of a choice the validator can only say that none fits; its description says what would.
    const description = first?.schema.anyOf && first.schema.description;
    const expected = description ? `expected ${description}` : first?.message;
    throw new StampedeError("VALIDATION_FAILED", `${member}: ${expected}`);
  };
}

/**
 * A reader for JSON bodies of one schema.
 * @throws StampedeError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, INVALID_JSON, VALIDATION_FAILED (naming the member)
 */
export function jsonBody<T extends TObject>(schema: T): (request: HttpRequest) => Promise<Static<T>> {
  const read = jsonBytes(schema);
  return async (request) => {
    const type = request.header("content-type");
    if (type !== undefined && !/^application\/([\w.-]+\+)?json\b/i.test(type)) {
      throw new StampedeError("UNSUPPORTED_MEDIA_TYPE");
    }
    return read(await request.body());
  };
}
