import { FormatRegistry, type Static, type TObject, Type, TypeGuard } from "@sinclair/typebox";
import { TypeCompiler, type ValueErrorIterator } from "@sinclair/typebox/compiler";
import { ValueErrorType } from "@sinclair/typebox/errors";
import { isDateTime } from "../../contracts/wire/date-time.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { HttpRequest } from "../transports/transport.ts";
import type { BodyRule } from "./declaration.ts";

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

/** Makes the formats that our schemas name known to the validator. */
export const registerFormats = (): void => FormatRegistry.Set("date-time", isDateTime);

/** A reader for bytes that should be JSON of one schema. @throws StampedeError INVALID_JSON, VALIDATION_FAILED (naming the member) */
export function jsonBytes<T extends TObject>(schema: T): (bytes: Uint8Array) => Static<T> {
  registerFormats();
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

/** Reads and checks a request's body. `contentType` is the header's value. */
export type BodyReader = (request: HttpRequest, contentType: string | undefined) => Promise<unknown>;

const EMPTY = Type.Object({}, { additionalProperties: false });

/**
 * The reader for a declared body; null: the body is not read. `limit`: bytes, if the endpoint takes fewer than the gateway.
 * @throws StampedeError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, INVALID_JSON, VALIDATION_FAILED (from the reader)
 */
export function bodyReader(rule: BodyRule, limit = Number.POSITIVE_INFINITY): BodyReader | null {
  if (rule === "none") return null;
  const bytesOf = async (request: HttpRequest): Promise<Uint8Array> => {
    const bytes = await request.body();
    if (bytes.length > limit) throw new StampedeError("BODY_TOO_LARGE", `A body of this call may have ${limit} bytes`);
    return bytes;
  };
  if (rule === "empty") return optionalJson(EMPTY, bytesOf);
  if (TypeGuard.IsObject(rule)) return requiredJson(rule, bytesOf);
  return "bytes" in rule ? bytesOf : optionalJson(rule.optional, bytesOf);
}

type ReadBytes = (request: HttpRequest) => Promise<Uint8Array>;

/** A body that must be JSON of the schema. The content type is checked before the body is read. */
function requiredJson(schema: TObject, bytesOf: ReadBytes): BodyReader {
  const read = jsonBytes(schema);
  return async (request, contentType) => {
    checkMediaType(contentType);
    return read(await bytesOf(request));
  };
}

/** As `requiredJson`, for calls that need no body: undefined without one, in whichever way the client sends no body. */
function optionalJson(schema: TObject, bytesOf: ReadBytes): BodyReader {
  const read = jsonBytes(schema);
  return async (request, contentType) => {
    const bytes = await bytesOf(request);
    if (bytes.length === 0) return undefined;
    checkMediaType(contentType);
    return read(bytes);
  };
}
