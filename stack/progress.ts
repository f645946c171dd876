import pc from "picocolors";

/** One line per step of something that takes a while. */
export interface Progress {
  /** A step that takes seconds begins. */
  begin(name: string, text: string): void;
  done(name: string, text: string): void;
  failed(name: string, text: string): void;
}

const NAME_WIDTH = 10;

/** Prints to `write`, a line each: `✓ redis      ready in 0.4 s (native, 127.0.0.1:16379)`. */
export function printedProgress(write: (line: string) => void = (line) => console.log(line)): Progress {
  const line = (mark: string, name: string, text: string) => write(`${mark} ${name.padEnd(NAME_WIDTH)} ${text}`);
  return {
    begin: (name, text) => line(pc.dim("·"), name, pc.dim(`${text} …`)),
    done: (name, text) => line(pc.green("✓"), name, text),
    failed: (name, text) => line(pc.red("✗"), name, text),
  };
}

/** For programs that start a stack without an audience. */
export const silentProgress: Progress = { begin() {}, done() {}, failed() {} };

/** Seconds since `startMs` (performance.now), as shown to people: `0.4 s`. */
export function secondsSince(startMs: number): string {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
}
