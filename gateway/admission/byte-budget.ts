import { overloaded } from "./refused.ts";

/** Bytes that all request bodies of the gateway may take while they arrive. */
export class ByteBudget {
  #taken = 0;

  /** @param refused called for each refusal */
  constructor(
    private readonly limit: number,
    private readonly refused: () => void = () => {},
  ) {}

  get taken(): number {
    return this.#taken;
  }

  /** @throws StampedeError OVERLOADED beyond the limit; then nothing is taken */
  take(bytes: number): void {
    if (this.#taken + bytes > this.limit) {
      this.refused();
      throw overloaded();
    }
    this.#taken += bytes;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}
