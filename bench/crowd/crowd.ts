import type { Target } from "../target.ts";
import { createMint } from "../tokens.ts";

/** People who listen on a WebSocket. Times are `performance.now()` of this process. */
export interface ListeningCrowd {
  readonly userIds: readonly string[];
  /** userId → when coupon.issued arrived, and for which request. */
  readonly told: ReadonlyMap<string, { readonly at: number; readonly requestId: string }>;
  /** When each socket heard sale.soldout, in order of arrival. */
  readonly heardSoldOut: readonly number[];
  /** Milliseconds from connecting to `welcome`, per socket. */
  readonly welcomes: readonly number[];
  /** Sockets that closed without being asked to. */
  readonly dropped: number;
  /** Subscribes all sockets to a sale. */
  subscribe(couponId: string): Promise<void>;
  close(): void;
}

interface State {
  readonly told: Map<string, { at: number; requestId: string }>;
  readonly heardSoldOut: number[];
  readonly welcomes: number[];
  dropped: number;
  closing: boolean;
  couponId: string | null;
  /** Sockets that were told `subscribed`. */
  subscribed: number;
}

const OPEN_AT_ONCE = 100;
const PATIENCE_MS = 10_000;

/**
 * Opens a socket for every user (authenticated on upgrade), subscribes it to the sale if there is one, and resolves when
 * all are in.
 * @throws Error when one is refused or silent for 10 s
 */
export async function openCrowd(
  target: Target,
  userIds: readonly string[],
  couponId: string | null,
): Promise<ListeningCrowd> {
  const mint = createMint(target.tokens);
  const state: State = {
    told: new Map(),
    heardSoldOut: [],
    welcomes: [],
    dropped: 0,
    closing: false,
    couponId,
    subscribed: 0,
  };
  const sockets: WebSocket[] = [];
  for (let at = 0; at < userIds.length; at += OPEN_AT_ONCE) {
    const batch = userIds.slice(at, at + OPEN_AT_ONCE);
    sockets.push(...(await Promise.all(batch.map((userId) => join(target, userId, mint(userId), state)))));
  }
  async function subscribe(saleId: string): Promise<void> {
    state.couponId = saleId;
    state.subscribed = 0;
    const message = JSON.stringify({ type: "subscribe", couponId: saleId });
    for (const socket of sockets) socket.send(message);
    const deadline = performance.now() + PATIENCE_MS;
    while (state.subscribed < sockets.length) {
      if (performance.now() > deadline)
        throw new Error(`${state.subscribed} of ${sockets.length} sockets could subscribe`);
      await Bun.sleep(5);
    }
  }
  if (couponId !== null) await subscribe(couponId);
  return {
    userIds,
    told: state.told,
    heardSoldOut: state.heardSoldOut,
    welcomes: state.welcomes,
    get dropped() {
      return state.dropped;
    },
    subscribe,
    close() {
      state.closing = true;
      for (const socket of sockets) socket.close();
    },
  };
}

function join(target: Target, userId: string, token: string, state: State): Promise<WebSocket> {
  const begun = performance.now();
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  const url = `${target.url.replace("http", "ws")}/ws`;
  // Bun's WebSocket takes headers, which a browser's does not: a browser sends the first message `auth` instead.
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } } as unknown as string[]);
  const timer = setTimeout(() => reject(new Error(`the socket of ${userId} heard nothing for 10 s`)), PATIENCE_MS);
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data as string);
    const now = performance.now();
    switch (message.type) {
      case "welcome":
        state.welcomes.push(now - begun);
        clearTimeout(timer);
        resolve(socket);
        break;
      case "subscribed":
        state.subscribed++;
        break;
      case "coupon.issued":
        if (message.couponId === state.couponId) state.told.set(userId, { at: now, requestId: message.requestId });
        break;
      case "sale.soldout":
        if (message.couponId === state.couponId) state.heardSoldOut.push(now);
        break;
      case "error":
        reject(new Error(`the socket of ${userId} was told ${message.code}: ${message.detail}`));
    }
  };
  socket.onclose = ({ code, reason }) => {
    if (!state.closing) state.dropped++;
    clearTimeout(timer);
    reject(new Error(`the socket of ${userId} was closed: ${code} ${reason}`));
  };
  return promise;
}
