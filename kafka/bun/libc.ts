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

/** The three functions of the C library that the adapter needs in addition to librdkafka. */
export function openLibc() {
  return dlopen(process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6", FUNCTIONS).symbols;
}

export type Libc = ReturnType<typeof openLibc>;

const openThreadsOf = (file: string) => dlopen(file, THREADS).symbols;
export type Threads = ReturnType<typeof openThreadsOf>;

/** Functions that run a C function on a separate thread; null where pthread_tryjoin_np does not exist (macOS). */
export function openThreads(): Threads | null {
  if (process.platform !== "linux") return null;
  for (const file of ["libc.so.6", "libpthread.so.0"]) {
    try {
      return openThreadsOf(file);
    } catch {
      // Before glibc 2.34 the functions are in libpthread.
    }
  }
  return null;
}
