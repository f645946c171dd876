import { type TObject, type TSchema, TypeGuard } from "@sinclair/typebox";
import { Problem } from "../../contracts/claims/http.ts";
import { IdempotencyKeySchema } from "../../contracts/orders/ids.ts";
import { RESULTS, type ResultCode } from "../../contracts/wire/result-codes.ts";
import { version } from "../../package.json";
import { type BodyRule, type Declaration, isForOperators } from "../http/declaration.ts";
import { codesOf } from "../http/endpoint-codes.ts";

/** The schema of a declared body, and whether the body is required. undefined: no body has an effect. */
function bodySchema(body: BodyRule): { readonly schema: TObject; readonly required: boolean } | undefined {
  if (typeof body === "string") return undefined;
  if (TypeGuard.IsObject(body)) return { schema: body, required: true };
  return "bytes" in body ? { schema: body.bytes, required: true } : { schema: body.optional, required: false };
}

/** TypeBox carries symbols and `$id`s; OpenAPI wants plain JSON with references into components. */
function plain(schema: TSchema, components: Map<string, unknown>, top = false): unknown {
  if (!top && schema.$id !== undefined) {
    if (!components.has(schema.$id)) {
      components.set(schema.$id, null);
      components.set(schema.$id, plain(schema, components, true));
    }
    return { $ref: `#/components/schemas/${schema.$id}` };
  }
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(schema)) {
    if (name === "$id") continue;
    if (name === "$ref") out.$ref = `#/components/schemas/${value}`;
    else if (name === "properties") {
      out.properties = Object.fromEntries(
        Object.entries(value as Record<string, TSchema>).map(([key, inner]) => [key, plain(inner, components)]),
      );
    } else if (name === "items") out.items = plain(value as TSchema, components);
    else if (name === "anyOf" || name === "allOf") out[name] = (value as TSchema[]).map((s) => plain(s, components));
    else out[name] = value;
  }
  return out;
}

function refusals(endpoint: Declaration): Map<number, ResultCode[]> {
  const byStatus = new Map<number, ResultCode[]>();
  for (const code of codesOf(endpoint)) {
    const { status } = RESULTS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}

type Components = Map<string, unknown>;

function parametersOf(endpoint: Declaration, components: Components): unknown[] {
  const { path, query, headers, idempotency } = endpoint;
  const parameters: unknown[] = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  for (const [name, schema] of Object.entries(query?.properties ?? {})) {
    parameters.push({ name, in: "query", required: false, schema: plain(schema as TSchema, components) });
  }
  const keyed = idempotency === "key" ? { "Idempotency-Key": IdempotencyKeySchema } : {};
  for (const [name, schema] of Object.entries({ ...keyed, ...headers })) {
    const required = !TypeGuard.IsOptional(schema);
    parameters.push({ name, in: "header", required, schema: plain(schema, components) });
  }
  return parameters;
}

function responsesOf(endpoint: Declaration, components: Components): Record<string, unknown> {
  const responses: Record<string, unknown> = {};
  for (const [status, schema] of Object.entries(endpoint.answers)) {
    responses[status] = {
      description: meaningOf(endpoint, Number(status)),
      ...(schema === null ? {} : { content: { "application/json": { schema: plain(schema, components) } } }),
    };
  }
  for (const [status, codes] of refusals(endpoint)) {
    if (status in endpoint.answers) continue;
    responses[status] = {
      description: codes.map((code) => `\`${code}\`: ${RESULTS[code].title}`).join("; "),
      ...(status === 429 || status === 503 ? { headers: { "Retry-After": RETRY_AFTER } } : {}),
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    };
  }
  return responses;
}

function operationOf(endpoint: Declaration, components: Components): Record<string, unknown> {
  const { operationId, summary, tag, caller } = endpoint;
  const parameters = parametersOf(endpoint, components);
  const body = bodySchema(endpoint.body);
  return {
    operationId,
    summary,
    tags: [tag],
    ...(isForOperators(caller) ? { "x-role": caller } : {}),
    ...(caller === "anyone" ? {} : { security: [{ bearer: [] }] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: body.required,
            content: { "application/json": { schema: plain(body.schema, components) } },
          },
        }),
    responses: responsesOf(endpoint, components),
  };
}

/** The OpenAPI 3.1 document of the endpoints, from the schemas that validate them. `referenced`: schemas that others name by `$ref`. */
export function openApi(endpoints: readonly Declaration[], referenced: readonly TSchema[]): object {
  const components: Components = new Map();
  for (const schema of [...referenced, Problem]) plain(schema, components);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, "{$1}");
    paths[path] ??= {};
    paths[path][endpoint.method.toLowerCase()] = operationOf(endpoint, components);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Stampede",
      version,
      description: "Limited coupons under a rush: exactly N are issued, and no promise is lost.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      schemas: Object.fromEntries(components),
    },
  };
}

const RETRY_AFTER = { description: "Seconds", schema: { type: "integer", minimum: 1 } };

/** What an answer means at this endpoint; for reads and changes the summary says it. */
function meaningOf({ meanings, summary, method }: Declaration, status: number): string {
  const meaning = meanings?.[status];
  if (meaning !== undefined) return meaning;
  if (status === 201) return "Created";
  if (status === 202) return "Accepted: a promise that is kept";
  return method === "GET" ? summary : `Done: ${summary}`;
}
