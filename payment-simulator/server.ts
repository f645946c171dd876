import type { TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { ChargeRequest, RefundRequest } from "../contracts/payments/api.ts";
import { PaymentBooks } from "./books.ts";
import type { PaymentSimulatorConfig } from "./config.ts";
import { type Entry, paymentOf } from "./entry.ts";
import { type ProviderRefusalCode, refuse } from "./refusals.ts";
import { createWebhooks } from "./webhooks.ts";

const PAGE = 1_000;
/** Longer than any caller waits. */
const NEVER_MS = 120_000;

function answer(result: Entry | ProviderRefusalCode): Response {
  if (typeof result === "string") return refuse(result);
  const payment = paymentOf(result);
  return payment === null ? refuse("NOT_FOUND") : Response.json(payment);
}

/** Until the caller gives up. */
function silence({ signal }: Request): Promise<Response> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      resolve(new Response(null, { status: 504 }));
    };
    const timer = setTimeout(end, NEVER_MS);
    signal.addEventListener("abort", end);
  });
}

const checked = <T extends TSchema>(schema: T) => {
  const check: TypeCheck<T> = TypeCompiler.Compile(schema);
  return async (request: Request) => {
    const body: unknown = await request.json().catch(() => undefined);
    return check.Check(body) ? body : null;
  };
};
const invalid = () => Response.json({ code: "INVALID" }, { status: 400 });

const readDeskRefund = checked(RefundRequest);
/** `{key, amount}`: a refund of payment `key` that we did not ask for. */
const deskOf = (books: PaymentBooks) => async (request: Request) => {
  const body = await readDeskRefund(request);
  return body === null ? invalid() : answer(books.refundAtDesk(body.key, body.amount));
};

/** Starts the simulator: the provider's interface (contracts/payments/api.ts), and what tests and the verifier ask. */
export function startSimulator(config: PaymentSimulatorConfig): { readonly port: number; stop(): Promise<void> } {
  const { PAYMENT_SIMULATOR_LATE_MS: lateMs, PAYMENT_SIMULATOR_SLOW_MS: slowMs } = config;
  const send = createWebhooks({
    url: config.PAYMENT_WEBHOOK_URL,
    secret: config.PAYMENT_WEBHOOK_SECRET.reveal(),
    lateMs,
    delivered: (key, id) => books.delivered(key, id),
  });
  const books = new PaymentBooks({ file: config.PAYMENT_SIMULATOR_BOOKS, slowMs, lateMs, onWebhooks: send });
  const readCharge = checked(ChargeRequest);
  const readRefund = checked(RefundRequest);
  const desk = deskOf(books);
  let isDown = false;
  const whenUp =
    <R extends Request>(handler: (request: R) => Response | Promise<Response>) =>
    (request: R) =>
      isDown ? new Response("down", { status: 503 }) : handler(request);

  const server = Bun.serve({
    hostname: config.PAYMENT_SIMULATOR_HOST,
    port: config.PAYMENT_SIMULATOR_PORT,
    idleTimeout: 150, // seconds; not before NEVER_MS
    routes: {
      "/payments": {
        POST: whenUp(async (request) => {
          const body = await readCharge(request);
          if (body === null) return invalid();
          const result = await books.charge(body);
          return result === null ? silence(request) : answer(result);
        }),
      },
      "/payments/:key": {
        GET: whenUp((request: Bun.BunRequest<"/payments/:key">) =>
          answer(books.find(request.params.key) ?? "NOT_FOUND"),
        ),
      },
      "/payments/:key/void": {
        POST: whenUp((request: Bun.BunRequest<"/payments/:key/void">) => answer(books.void(request.params.key))),
      },
      "/payments/:key/refunds": {
        POST: whenUp(async (request: Bun.BunRequest<"/payments/:key/refunds">) => {
          const body = await readRefund(request);
          return body === null ? invalid() : answer(books.refund(request.params.key, body));
        }),
      },
      // Every key that ever came in, 1,000 a page; `?from=` what the page before said.
      "/books": {
        GET: (request) => {
          const from = Number(new URL(request.url).searchParams.get("from") ?? 0) || 0;
          const entries = books.page(from, PAGE);
          const items = entries.map(paymentOf).filter((payment) => payment !== null);
          return Response.json({ items, next: entries.length < PAGE ? null : from + PAGE });
        },
      },
      "/simulator/mode": {
        PUT: async (request) => {
          const mode = ((await request.json().catch(() => null)) as { mode?: unknown } | null)?.mode;
          if (mode !== "up" && mode !== "down") return invalid();
          isDown = mode === "down";
          return Response.json({ mode });
        },
      },
      "/simulator/refunds": { POST: desk },
      "/health/live": Response.json({ status: "live" }),
      "/health/ready": Response.json({ status: "ready" }),
    },
    fetch: () => Response.json({ code: "ROUTE_NOT_FOUND" }, { status: 404 }),
  });
  return { port: server.port!, stop: () => server.stop(true) };
}
