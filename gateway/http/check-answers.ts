import type { TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { Problem } from "../../contracts/claims/http.ts";
import { RESULTS } from "../../contracts/wire/result-codes.ts";
import type { Handler, HttpResponse } from "../transports/transport.ts";
import type { Declaration } from "./declaration.ts";
import { codesOf } from "./endpoint-codes.ts";
import { registerFormats } from "./json-body.ts";

/** What is wrong with an answer by its endpoint's declaration; undefined: nothing. */
export type CheckAnswer = (declaration: Declaration, response: HttpResponse) => string | undefined;

/**
 * Compares answers with what the documents say about them. For tests: each answer of the test run goes through it, so a field or a
 * status that the documents do not name fails the test that saw it. `referenced`: schemas that others name by `$ref`, besides those of answers.
 */
export function createCheckAnswer(declarations: readonly Declaration[], referenced: readonly TSchema[]): CheckAnswer {
  registerFormats();
  const named = new Map<string, TSchema>();
  for (const schema of [...referenced, ...declarations.flatMap(({ answers }) => Object.values(answers))]) {
    if (schema?.$id !== undefined) named.set(schema.$id, schema);
  }
  const compiled = new Map<TSchema, TypeCheck<TSchema>>();
  const problems = TypeCompiler.Compile(Problem);
  const check = (schema: TSchema): TypeCheck<TSchema> => {
    let found = compiled.get(schema);
    if (found === undefined) {
      found = TypeCompiler.Compile(
        schema,
        [...named.values()].filter((one) => one !== schema),
      );
      compiled.set(schema, found);
    }
    return found;
  };

  function faultOfBody(what: string, checker: TypeCheck<TSchema>, body: unknown): string | undefined {
    const fault = checker.Errors(body).First();
    return fault === undefined ? undefined : `${what}: ${fault.path || "the body"}: ${fault.message}`;
  }

  return (declaration, { status, body }) => {
    const what = `${declaration.operationId} answered ${status}`;
    const schema = declaration.answers[status];
    if (schema !== undefined) {
      return schema === null ? undefined : faultOfBody(what, check(schema), JSON.parse(String(body)));
    }
    if (status === 304 && declaration.cache !== "no-store") return undefined;
    const codes = codesOf(declaration);
    if (![...codes].some((code) => RESULTS[code].status === status)) return `${what}, which is not documented`;
    const told = JSON.parse(String(body));
    if (!codes.has(told.code)) return `${what} with the code ${told.code}, which is not documented`;
    return faultOfBody(what, problems, told);
  };
}

/** A handler whose answers are checked, for endpoints that do not go through the wrapper. */
export function checkedHandler(
  declaration: Declaration,
  handler: Handler,
  replace: (declaration: Declaration, response: HttpResponse) => HttpResponse,
): Handler {
  return (request) => {
    const answer = handler(request);
    return answer instanceof Promise
      ? answer.then((response) => replace(declaration, response))
      : replace(declaration, answer);
  };
}
