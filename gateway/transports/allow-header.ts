import type { Method } from "./transport.ts";

/** The value of `Allow` for a path with these methods: HEAD comes with GET, OPTIONS with every path. */
export const allowHeader = (methods: readonly Method[]): string =>
  [...methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"].join(", ");
