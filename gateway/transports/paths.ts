import type { Handler, Method, Route } from "./transport.ts";

/** One path of the route table with what its methods do. */
export interface PathEntry {
  readonly path: string;
  readonly paramNames: readonly string[];
  readonly handlers: ReadonlyMap<Method, Handler>;
  readonly pattern: RegExp;
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/**
 * Groups routes by path. @throws Error for a route that exists twice, and for two paths that differ only in the names of
 * their parameters (the router would take one of them, and which one is not obvious).
 */
export function groupByPath(routes: readonly Route[]): PathEntry[] {
  const entries = new Map<string, PathEntry & { handlers: Map<Method, Handler> }>();
  for (const { method, path, handler } of routes) {
    const segments = path.split("/");
    const paramNames = segments.filter((s) => s.startsWith(":")).map((s) => s.slice(1));
    const shape = segments.map((s) => (s.startsWith(":") ? ":" : s)).join("/");
    let entry = entries.get(shape);
    if (entry === undefined) {
      const source = segments.map((s) => (s.startsWith(":") ? "[^/]+" : escaped(s))).join("/");
      entry = { path, paramNames, handlers: new Map(), pattern: new RegExp(`^${source}$`) };
      entries.set(shape, entry);
    }
    if (entry.path !== path) throw new Error(`Routes ${entry.path} and ${path} differ only in parameter names`);
    if (entry.handlers.has(method)) throw new Error(`Route ${method} ${path} exists twice`);
    entry.handlers.set(method, handler);
  }
  return [...entries.values()];
}

/**
 * The methods that this path takes, as `Allow` names them: HEAD comes with GET (of a page, not of the socket's path), OPTIONS
 * with every path. Empty: no route has it. Only for refusals: it tries every pattern.
 */
export function allowedAt(entries: readonly PathEntry[], socketPath: string | undefined, path: string): string[] {
  if (path === socketPath) return ["GET", "OPTIONS"];
  const methods = new Set<string>();
  for (const { pattern, handlers } of entries) {
    if (!pattern.test(path)) continue;
    for (const method of handlers.keys()) {
      methods.add(method);
      if (method === "GET") methods.add("HEAD");
    }
  }
  return methods.size === 0 ? [] : [...methods, "OPTIONS"];
}
