import { connect, createServer, type Socket } from "node:net";
import { freePort } from "./free-port.ts";

/** An address whose server may change, as a failover's virtual address does. */
export interface MovableAddress {
  readonly port: number;
  /** Breaks all connections; new ones go to the server at `port`. */
  moveTo(port: number): void;
  close(): void;
}

export async function movableAddress(target: number): Promise<MovableAddress> {
  let to = target;
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(to, "127.0.0.1");
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(one);
      one.setNoDelay(true);
      one.on("error", () => {}); // "close" follows
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  const breakAll = () => {
    for (const socket of open) socket.destroy();
  };
  const port = freePort();
  await new Promise<void>((listening) => server.listen(port, "127.0.0.1", listening));
  return {
    port,
    moveTo(next) {
      to = next;
      breakAll();
    },
    close() {
      server.close();
      breakAll();
    },
  };
}
