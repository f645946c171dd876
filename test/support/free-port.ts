import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Below those that the system gives to connections, so that it is free when a server that was killed comes back to it. */
const LOWEST = 10_240;
const HIGHEST = 19_999;
/** Who has taken which: a port is asked for a second before its server listens, and files of tests run side by side. */
const TAKEN = join(tmpdir(), "stampede-ports");

/**
 * A TCP port without a listener, and that no other test gets while this process lives.
 * @param above another one, so much above it, that must be free as well
 */
export function freePort(above?: number): number {
  for (let tries = 0; tries < 10_000; tries++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (take(port) && isFree(port) && (above === undefined || isFree(port + above))) return port;
  }
  throw new Error("There is no free port");
}

function take(port: number): boolean {
  const note = join(TAKEN, String(port));
  mkdirSync(TAKEN, { recursive: true });
  try {
    writeFileSync(note, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    // A test process ends without an exit event, so its notes stay.
    if (isGone(note)) rmSync(note, { force: true });
    return false;
  }
}

function isGone(note: string): boolean {
  try {
    process.kill(Number(readFileSync(note, "utf8")), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
