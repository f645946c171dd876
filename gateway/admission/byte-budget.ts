import { overloaded } from "./refused.ts";

/** Bytes that all request bodies of the gateway may take while they arrive. */
export class ByteBudget {
  #taken = 0;

  constructor(private readonly limit: number) {}

  get taken(): number {
    return this.#taken;
  }

  /** @throws StampedeError OVERLOADED beyond the limit; then nothing is taken */
  take(bytes: number): void {
    if (this.#taken + bytes > this.limit) throw overloaded();
    this.#taken += bytes;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
  }
}
