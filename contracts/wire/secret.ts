const MASK = "[secret]";

/**
 * The text of a key or password. Whatever prints, logs or serializes the object gets a mask; only `reveal` gives the text, so
 * every use of a secret can be found by that name.
 */
export class SecretValue {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Whether there is a secret at all. */
  get isSet(): boolean {
    return this.#text !== "";
  }

  /** The secret itself, for the function that signs, verifies or connects. Never put it into a message. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  /** What `${secret}` and `secret + ""` give. */
  [Symbol.toPrimitive](): string {
    return MASK;
  }

  /** What console.log and Bun's and Node's inspect show. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return MASK;
  }
}
