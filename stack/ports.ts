import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Who listens on a port. `pid` is null where the kernel does not tell us (another user's process). */
export interface Listener {
  readonly pid: number | null;
  readonly command: string;
}

const LISTEN = "0A";

/** Socket inodes that listen on `port`, from the kernel's tables. */
function listeningInodes(port: number): Set<string> {
  const inodes = new Set<string>();
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    let text: string;
    try {
      text = readFileSync(table, "latin1");
    } catch {
      continue;
    }
    for (const line of text.split("\n").slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === LISTEN && fields[1]?.endsWith(`:${hex}`)) inodes.add(fields[9]!);
    }
  }
  return inodes;
}

function ownerOf(inodes: ReadonlySet<string>): number | null {
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      for (const fd of readdirSync(`/proc/${entry}/fd`)) {
        const target = readlinkSync(`/proc/${entry}/fd/${fd}`);
        if (target.startsWith("socket:[") && inodes.has(target.slice(8, -1))) return Number(entry);
      }
    } catch {
      // The process ended meanwhile, or belongs to another user.
    }
  }
  return null;
}

/** Who listens on a TCP port of this machine, or null. Without /proc (macOS) the start itself must tell. */
export function listenerOn(port: number): Listener | null {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return null;
  const pid = ownerOf(inodes);
  if (pid === null) return { pid, command: "another user's program" };
  const command = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ").trim();
  return { pid, command: command.length > 60 ? `${command.slice(0, 57)}...` : command };
}

/** How many sockets listen on a port: several where processes share it. 0 also where the kernel does not tell. */
export const listenersOn = (port: number): number => listeningInodes(port).size;
