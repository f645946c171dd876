import { FormatRegistry, type Static, type TObject, Type } from "@sinclair/typebox";
import { TypeCompiler, type ValueErrorIterator } from "@sinclair/typebox/compiler";
import { ValueErrorType } from "@sinclair/typebox/errors";
import { isDateTime } from "../../contracts/wire/date-time.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { HttpRequest } from "../transports/transport.ts";

const MOST_NAMED = 5;
const LONGEST_NAME = 64;

/** Shortens names that a client chose, so that a refusal may repeat them: a few names, none of them long. */
export function named(names: Iterable<string>): string {
  const all = [...names];
  const some = all.slice(0, MOST_NAMED).map((name) => (name === "" ? '""' : name.slice(0, LONGEST_NAME)));
  return some.join(", ") + (all.length > MOST_NAMED ? ` and ${all.length - MOST_NAMED} more` : "");
}

const memberOf = (path: string) => (path === "" ? "The body" : path.slice(1).replaceAll("/", "."));

/** What is wrong with a body, in one sentence: all unknown members, or else the first fault. */
function faultOf(errors: ValueErrorIterator): string {
  const all = [...errors];
  const unknown = all.filter(({ type }) => type === ValueErrorType.ObjectAdditionalProperties);
  if (unknown.length > 0)
    return `${named(unknown.map(({ path }) => memberOf(path)))}: not a member of this call's body`;
  const first = all[0];
  // For a union the validator only says that no member fits; the description says which would.
  const description = first?.schema.anyOf && first.schema.description;
  return `${memberOf(first?.path ?? "")}: ${description ? `expected ${description}` : first?.message}`;
}

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
    throw new StampedeError("VALIDATION_FAILED", faultOf(check.Errors(body)));
  };
}

/** @throws StampedeError UNSUPPORTED_MEDIA_TYPE if the content type is not JSON */
function checkMediaType(type: string | undefined): void {
  if (type !== undefined && type !== "" && !/^application\/([\w.-]+\+)?json\b/i.test(type)) {
    throw new StampedeError("UNSUPPORTED_MEDIA_TYPE");
  }
}

/**
 * A reader for JSON bodies of one schema. Call it before the handler's first await.
 * @throws StampedeError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, INVALID_JSON, VALIDATION_FAILED (naming the member)
 */
export function jsonBody<T extends TObject>(schema: T): (request: HttpRequest) => Promise<Static<T>> {
  const read = jsonBytes(schema);
  return async (request) => {
    checkMediaType(request.header("content-type"));
    return read(await request.body());
  };
}

/** As `jsonBody`, for calls that need no body: undefined without one, in whichever way the client sends no body. */
export function optionalJsonBody<T extends TObject>(
  schema: T,
): (request: HttpRequest) => Promise<Static<T> | undefined> {
  const read = jsonBytes(schema);
  return async (request) => {
    const type = request.header("content-type");
    const bytes = await request.body();
    if (bytes.length === 0) return undefined;
    checkMediaType(type);
    return read(bytes);
  };
}

/** For calls without members: a client that sends one expects an effect that this call does not have. */
export const noMembers = optionalJsonBody(Type.Object({}, { additionalProperties: false }));
