import { dlopen, FFIType } from "bun:ffi";

const FUNCTIONS = {
  socketpair: { args: ["i32", "i32", "i32", "ptr"], returns: "i32" },
  close: { args: ["i32"], returns: "i32" },
  memcpy: { args: ["ptr", "ptr", FFIType.u64_fast], returns: "ptr" },
} as const;

const THREADS = {
  pthread_create: { args: ["ptr", "ptr", "ptr", "ptr"], returns: "i32" },
  pthread_detach: { args: [FFIType.u64_fast], returns: "i32" },
  pthread_tryjoin_np: { args: [FFIType.u64_fast, "ptr"], returns: "i32" },
} as const;

/** The three functions of the C library that the adapter needs beside librdkafka. */
export function openLibc() {
  return dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", FUNCTIONS).symbols;
}

export type Libc = ReturnType<typeof openLibc>;

const openThreadsOf = (file: string) => dlopen(file, THREADS).symbols;
export type Threads = ReturnType<typeof openThreadsOf>;

/** What runs a C function on a separate thread; null where a thread's end cannot be asked for (macOS). */
export function openThreads(): Threads | null {
  if (process.platform !== "linux") return null;
  for (const file of ["libc.so.6", "libpthread.so.0"]) {
    try {
      return openThreadsOf(file);
    } catch {
      // Before glibc 2.34 they are in the second one.
    }
  }
  return null;
}
