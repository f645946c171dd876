interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const WIDTH = 24;
const NAME_WIDTH = 10;
/** Without a terminal a line is not overwritten: fewer of them. */
const PLAIN_MS = 2_000;

/** `users      [######                  ] 25,000 of 100,000` */
export function barText(name: string, done: number, total: number): string {
  const filled = total === 0 ? WIDTH : Math.floor((done / total) * WIDTH);
  const n = (value: number) => value.toLocaleString("en-US");
  return `${name.padEnd(NAME_WIDTH)} [${"#".repeat(filled)}${" ".repeat(WIDTH - filled)}] ${n(done)} of ${n(total)}`;
}

/** How far a long piece of work is: one line that is written over on a terminal, a line now and then elsewhere. */
export function progressBar(output: Output, name: string, total: number) {
  let last = performance.now();
  return {
    show(done: number): void {
      if (output.isTTY) output.write(`\r\x1b[2K  ${barText(name, done, total)}`);
      else if (performance.now() - last > PLAIN_MS) {
        last = performance.now();
        output.write(`  ${barText(name, done, total)}\n`);
      }
    },
    /** Takes the bar away: what comes next says what came of it. */
    end(): void {
      if (output.isTTY) output.write("\r\x1b[2K");
    },
  };
}
