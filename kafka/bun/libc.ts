import { dlopen, FFIType } from "bun:ffi";

const FUNCTIONS = {
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  memcpy: { args: ["ptr", "ptr", FFIType.u64_fast], returns: "ptr" },
} as const;

/** The three functions of the C library that the adapter needs beside librdkafka. */
export function openLibc() {
  return dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", FUNCTIONS).symbols;
}

export type Libc = ReturnType<typeof openLibc>;
