import { ptr } from "bun:ffi";
import type { Ptr } from "./symbols.ts";

// Memory that C reads or writes. `ptr` of bun:ffi gives an address and keeps nothing alive: the garbage collector may free a
// view as soon as its last use was evaluated, even in the middle of the statement that passes its address on. So this is
// the only file that takes addresses (test/house.unit.test.ts), and it holds the memory they belong to until C has returned.

/** Views that are lent to C at this moment; the calls are synchronous, so the last one lent is the first one back. */
const lent: ArrayBufferView[] = [];

/** Runs `use` with the address of `view`, and holds `view` until it has returned. */
export function lend<T>(view: ArrayBufferView, use: (at: Ptr) => T): T {
  lent.push(view);
  try {
    return use(ptr(view as Uint8Array));
  } finally {
    lent.pop();
  }
}

/** The address of a view that the caller keeps alive, in a field or by `lend`, until C has returned. */
export const addressOf = (held: Uint8Array): Ptr => ptr(held);

/** A piece of memory at one address for as long as its owner holds this object in a field. */
export class Memory {
  /** For bytes in. */
  readonly bytes: Uint8Array;
  /** For numbers out. It is read through this view after a call, not through the address, so that it is alive until then. */
  readonly view: DataView;
  readonly at: Ptr;

  constructor(size: number) {
    // An ArrayBuffer is never moved. The content of a small typed array is moved when its `buffer` is read.
    const buffer = new ArrayBuffer(size);
    this.bytes = new Uint8Array(buffer);
    this.view = new DataView(buffer);
    this.at = ptr(this.bytes);
  }

  /**
   * The pointer or size_t at a byte offset. User-space addresses fit a double exactly; in halves, because a BigInt is an
   * object.
   */
  word(offset: number): number {
    return this.view.getUint32(offset + 4, true) * 2 ** 32 + this.view.getUint32(offset, true);
  }

  setWord(offset: number, word: number): void {
    this.view.setBigUint64(offset, BigInt.asUintN(64, BigInt(word)), true);
  }

  int(offset: number): number {
    return this.view.getInt32(offset, true);
  }

  /** The text up to the first NUL. */
  text(): string {
    const end = this.bytes.indexOf(0);
    return Buffer.from(this.bytes.subarray(0, end < 0 ? this.bytes.length : end)).toString("utf8");
  }
}
