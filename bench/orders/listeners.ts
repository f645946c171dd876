/** The final message of an order, as its owner's socket got it. */
export interface OrderEnd {
  readonly orderId: string;
  /** `COMPLETED`, or `CANCELLED` and the reason. */
  readonly end: string;
}

export interface ListenersDeps {
  readonly url: string;
  readonly users: readonly { readonly userId: string; readonly token: string }[];
  readonly onEnd: (news: OrderEnd) => void;
  /** A cancellation came too late. */
  readonly onCancelRefused: () => void;
  readonly onDropped: () => void;
}

const OPEN_AT_ONCE = 100;
const PATIENCE_MS = 10_000;

/**
 * Opens a WebSocket for every user, authenticated on upgrade. @returns how to close them
 * @throws Error when one is refused or silent for 10 s
 */
export async function openListeners(deps: ListenersDeps): Promise<() => void> {
  const sockets: WebSocket[] = [];
  let closing = false;
  const isClosing = () => closing;
  for (let at = 0; at < deps.users.length; at += OPEN_AT_ONCE) {
    const batch = deps.users.slice(at, at + OPEN_AT_ONCE);
    sockets.push(...(await Promise.all(batch.map(({ userId, token }) => join(deps, userId, token, isClosing)))));
  }
  return () => {
    closing = true;
    for (const socket of sockets) socket.close();
  };
}

function join(deps: ListenersDeps, userId: string, token: string, isClosing: () => boolean): Promise<WebSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
  // Bun's WebSocket takes headers, which a browser's does not: a browser sends the first message `auth` instead.
  const options = { headers: { authorization: `Bearer ${token}` } } as unknown as string[];
  const socket = new WebSocket(`${deps.url.replace("http", "ws")}/ws`, options);
  const timer = setTimeout(() => reject(new Error(`the socket of ${userId} heard nothing for 10 s`)), PATIENCE_MS);
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data as string);
    switch (message.type) {
      case "order.status": {
        const { orderId, status, reason } = message;
        if (status === "COMPLETED") deps.onEnd({ orderId, end: status });
        else if (status === "CANCELLED") deps.onEnd({ orderId, end: `${status} ${reason}` });
        break;
      }
      case "order.cancel_refused":
        deps.onCancelRefused();
        break;
      case "welcome":
        clearTimeout(timer);
        resolve(socket);
        break;
      case "error":
        reject(new Error(`the socket of ${userId} was told ${message.code}: ${message.detail}`));
    }
  };
  socket.onclose = ({ code, reason }) => {
    if (!isClosing()) deps.onDropped();
    clearTimeout(timer);
    reject(new Error(`the socket of ${userId} was closed: ${code} ${reason}`));
  };
  return promise;
}
