import type * as uWebSockets from "uWebSockets.js";
import type { TransportOptions } from "./transport.ts";

type Addon = typeof uWebSockets;
type Listener = uWebSockets.us_listen_socket;
type ListenWithOptions = (
  host: string,
  port: number,
  options: number,
  done: (socket: Listener | false) => void,
) => void;

/** Bytes of a request's head, as Bun allows them; uWebSockets.js itself stops at 4,096, which a long token can exceed. */
const MAX_HEAD_BYTES = 16_384;

/**
 * The native addon, loaded by the first `listen`. It reads its limit from the environment while it loads and has no other way
 * to set it; an operator's setting is kept.
 */
export async function loadAddon(): Promise<Addon> {
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(MAX_HEAD_BYTES);
  return import("uWebSockets.js");
}

/** LIBUS_LISTEN_EXCLUSIVE_PORT; without it the addon sets SO_REUSEPORT. */
const EXCLUSIVE_PORT = 1;

/** @throws Error if the port is taken */
export async function listenOn(
  addon: Addon,
  app: uWebSockets.TemplatedApp,
  { host, port, reusePort }: Pick<TransportOptions<unknown>, "host" | "port" | "reusePort">,
): Promise<Listener> {
  if (!reusePort) return bind(app, host, port, EXCLUSIVE_PORT);
  if (port !== 0) return bind(app, host, port, 0);
  // The addon does not share "any port", so a free port is found first and then requested by number.
  const probe = await bind(app, host, 0, EXCLUSIVE_PORT);
  const found = addon.us_socket_local_port(probe as uWebSockets.us_socket);
  addon.us_listen_socket_close(probe);
  return bind(app, host, found, 0);
}

function bind(app: uWebSockets.TemplatedApp, host: string, port: number, options: number): Promise<Listener> {
  return new Promise((resolve, reject) => {
    // The typings leave out that the options may follow a host.
    const listen = app.listen.bind(app) as unknown as ListenWithOptions;
    listen(host, port, options, (listener) => {
      if (listener === false)
        reject(new Error(`Cannot listen on ${host}:${port}: the address is in use, or not permitted`));
      else resolve(listener);
    });
  });
}
