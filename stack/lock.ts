import { closeSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { CliError } from "./errors.ts";
import { beganAt, isAlive, type ProcessMark } from "./processes.ts";

function holderOf(file: string): ProcessMark | null {
  try {
    const mark = JSON.parse(readFileSync(file, "utf8")) as ProcessMark;
    return isAlive(mark) ? mark : null;
  } catch {
    return null;
  }
}

function tryLock(file: string): boolean {
  try {
    const fd = openSync(file, "wx");
    writeSync(fd, JSON.stringify({ pid: process.pid, began: beganAt(process.pid) }));
    closeSync(fd);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/**
 * Runs `work` while this process holds the lock `file`; waits up to `waitS` seconds for another holder. The lock of a process
 * that died is taken over.
 * @throws CliError naming the holder when it takes longer
 */
export async function withLock<T>(file: string, what: string, waitS: number, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + waitS * 1000;
  while (!tryLock(file)) {
    // Read twice, because the file is empty between a holder's open and its write.
    const holder = holderOf(file) ?? (await Bun.sleep(50).then(() => holderOf(file)));
    if (holder === null) rmSync(file, { force: true });
    else if (performance.now() < deadline) await Bun.sleep(100);
    else throw new CliError(`${what} is running already (process ${holder.pid}): wait for it, or stop it`);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}
