import { readdirSync, readFileSync, statSync } from "node:fs";

/** Where nothing tells the limit: what POSIX systems give a process by default. */
const USUAL_LIMIT = 1_024;
/** Descriptors of this process in Linux: since 6.2 the directory's size is their number. */
const DESCRIPTORS = "/proc/self/fd";

/** How many descriptors this process may have (`ulimit -n`, the soft limit). */
export function descriptorLimit(): number {
  try {
    const line = /^Max open files +(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return line === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(line ?? USUAL_LIMIT);
  } catch {
    return USUAL_LIMIT;
  }
}

/** How many descriptors this process has; undefined: the system does not tell. Older kernels are asked for the list. */
export function descriptorsInUse(): number | undefined {
  try {
    return statSync(DESCRIPTORS).size || readdirSync(DESCRIPTORS).length;
  } catch {
    return undefined;
  }
}

/**
 * Descriptors that are left free for Redis, PostgreSQL, Kafka, files and listeners: a producer alone may open two for each broker.
 */
const RESERVE = 128;
const MIN_CONNECTIONS = 64;
/** Of the connections, sockets may be so many: HTTP needs some as well. */
const SOCKET_SHARE = 0.9;

/** MAX_CONNECTIONS and MAX_SOCKETS of a process, which follow from its limit of descriptors where they are not set (0). */
export function connectionLimits(
  configured: { readonly connections: number; readonly sockets: number },
  limit = descriptorLimit(),
): { readonly connections: number; readonly sockets: number } {
  const connections = configured.connections || Math.max(MIN_CONNECTIONS, limit - RESERVE);
  return { connections, sockets: configured.sockets || Math.floor(connections * SOCKET_SHARE) };
}
