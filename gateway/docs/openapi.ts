import { type TSchema, TypeGuard } from "@sinclair/typebox";
import { Problem } from "../../contracts/claims/http.ts";
import { RESULTS, type ResultCode } from "../../contracts/wire/result-codes.ts";
import { version } from "../../package.json";
import type { Endpoint } from "../http/endpoint.ts";

/** Refusals that every route can give: unknown parameters, and faults of the server. */
const FOR_EVERYBODY: readonly ResultCode[] = ["VALIDATION_FAILED", "INTERNAL", "SHUTTING_DOWN"];
/** A path whose percent-encoding is malformed is no path. */
const FOR_PATH_PARAMETERS: readonly ResultCode[] = ["ROUTE_NOT_FOUND"];
const FOR_USERS: readonly ResultCode[] = ["UNAUTHENTICATED", "TOKEN_INVALID", "TOKEN_EXPIRED"];
const FOR_BODIES: readonly ResultCode[] = ["INVALID_JSON", "VALIDATION_FAILED", "BODY_TOO_LARGE"];

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

function refusals(endpoint: Endpoint): Map<number, ResultCode[]> {
  const codes = new Set<ResultCode>([...endpoint.refusals, ...FOR_EVERYBODY]);
  if (endpoint.path.includes(":")) for (const code of FOR_PATH_PARAMETERS) codes.add(code);
  if (endpoint.security !== "none") for (const code of FOR_USERS) codes.add(code);
  if (endpoint.security === "operator") codes.add("FORBIDDEN");
  if (endpoint.body !== undefined) for (const code of FOR_BODIES) codes.add(code);
  const byStatus = new Map<number, ResultCode[]>();
  for (const code of codes) {
    const { status } = RESULTS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return byStatus;
}

/** The OpenAPI 3.1 document of the endpoints, from the schemas that validate them. */
export function openApi(endpoints: readonly Endpoint[], schemas: readonly TSchema[]): object {
  const components = new Map<string, unknown>();
  for (const schema of [...schemas, Problem]) plain(schema, components);
  const paths: Record<string, Record<string, unknown>> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, "{$1}");
    const parameters: unknown[] = [...endpoint.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
      name,
      in: "path",
      required: true,
      schema: { type: "string" },
    }));
    for (const [name, schema] of Object.entries(endpoint.query?.properties ?? {})) {
      parameters.push({ name, in: "query", required: false, schema: plain(schema as TSchema, components) });
    }
    for (const [name, schema] of Object.entries(endpoint.headers ?? {})) {
      const required = !TypeGuard.IsOptional(schema);
      parameters.push({ name, in: "header", required, schema: plain(schema, components) });
    }
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
    paths[path] ??= {};
    paths[path][endpoint.method.toLowerCase()] = {
      summary: endpoint.summary,
      tags: [endpoint.tag],
      ...(endpoint.security === "none" ? {} : { security: [{ bearer: [] }] }),
      ...(parameters.length === 0 ? {} : { parameters }),
      ...(endpoint.body === undefined
        ? {}
        : {
            requestBody: {
              required: true,
              content: { "application/json": { schema: plain(endpoint.body, components) } },
            },
          }),
      responses,
    };
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
      securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT (HS256)" } },
      schemas: Object.fromEntries(components),
    },
  };
}

const RETRY_AFTER = { description: "Seconds", schema: { type: "integer", minimum: 1 } };

/** What an answer means at this endpoint; for reads and changes the summary says it. */
function meaningOf({ meanings, summary, method }: Endpoint, status: number): string {
  const meaning = meanings?.[status];
  if (meaning !== undefined) return meaning;
  if (status === 201) return "Created";
  if (status === 202) return "Accepted: a promise that is kept";
  return method === "GET" ? summary : `Done: ${summary}`;
}
