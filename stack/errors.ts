/** A failure whose message is one sentence that tells the person at the keyboard what to do. No stack is shown (only with DEBUG). */
export class CliError extends Error {
  /** 1: it failed; 2: it was used wrongly; 130: interrupted. */
  readonly exitCode: 1 | 2 | 130;

  constructor(message: string, options: { exitCode?: 1 | 2 | 130; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CliError";
    this.exitCode = options.exitCode ?? 1;
  }
}
