import type { TObject } from "@sinclair/typebox";
import type { UserId } from "../../contracts/wire/ids.ts";
import type { Identity } from "../auth/identity.ts";
import type { Handler, HttpRequest, HttpResponse } from "../transports/transport.ts";
import type { BodyRule, Caller, Declaration, EndpointSpec } from "./declaration.ts";
import type { Door } from "./door.ts";
import { serveEndpoint } from "./serve-endpoint.ts";

/** A declared route. `serve` gives its handler behind the gateway's door (door.ts). */
export interface Endpoint extends Declaration {
  serve(door: Door): Handler;
}

/** Declares an endpoint. Everything that the declaration says is checked before `handle` is called. */
export function endpoint<B extends BodyRule, const C extends Caller, Q extends TObject | undefined = undefined>(
  spec: EndpointSpec<B, Q, C>,
): Endpoint {
  return { ...spec, serve: (door) => serveEndpoint(spec, door) };
}

/**
 * An endpoint that checks its caller itself. Only for claims: their gate refuses from memory before it looks at a token, and must not
 * pay for more.
 */
export function rawEndpoint(
  declaration: Declaration,
  handler: (request: HttpRequest, door: Door) => HttpResponse | Promise<HttpResponse>,
): Endpoint {
  return {
    ...declaration,
    serve: (door) =>
      door.checkRaw === undefined
        ? (request) => handler(request, door)
        : door.checkRaw(declaration, (request) => handler(request, door)),
  };
}

/** Who asks, and under which key: a repeat under the same key gets the first answer and changes nothing. */
export interface OperatorCall {
  readonly actor: UserId;
  readonly idempotencyKey: string | null;
}

/** The part of a call that a database statement needs in order to run once. */
export const operatorCall = (call: {
  readonly caller: Identity;
  readonly idempotencyKey: string | null;
}): OperatorCall => ({ actor: call.caller.userId, idempotencyKey: call.idempotencyKey });
