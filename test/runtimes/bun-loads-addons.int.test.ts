import { dlopen } from "bun:ffi";
import { expect, test } from "bun:test";

// The day one of these fails, docs/decisions/0008-two-runtimes.md says what to do: its reason for two adapters is gone.

/** What the Kafka addon (1.10) and uWebSockets.js (20.51) call and Bun 1.4 does not export; mangled as C++ does it. */
const V8_CALLS = {
  "v8::Value::ToObject": "_ZNK2v85Value8ToObjectENS_5LocalINS_7ContextEEE",
  "v8::Value::Int32Value": "_ZNK2v85Value10Int32ValueENS_5LocalINS_7ContextEEE",
  "v8::Value::BooleanValue": "_ZNK2v85Value12BooleanValueEPNS_7IsolateE",
  "v8::Value::NumberValue": "_ZNK2v85Value11NumberValueENS_5LocalINS_7ContextEEE",
  "v8::Object::Has": "_ZN2v86Object3HasENS_5LocalINS_7ContextEEENS1_INS_5ValueEEE",
  "v8::Object::GetOwnPropertyNames": "_ZN2v86Object19GetOwnPropertyNamesENS_5LocalINS_7ContextEEE",
  "v8::ArrayBuffer::New": "_ZN2v811ArrayBuffer3NewEPNS_7IsolateESt10shared_ptrINS_12BackingStoreEE",
  "v8::ArrayBuffer::Detach": "_ZN2v811ArrayBuffer6DetachEv",
  "node::Buffer::HasInstance": "_ZN4node6Buffer11HasInstanceEN2v85LocalINS1_5ValueEEE",
  "node::Buffer::Data": "_ZN4node6Buffer4DataEN2v85LocalINS1_6ObjectEEE",
} as const;

/** Bun exports these and stops the process when they are called. */
const LIBUV_CALLS = ["uv_rwlock_init", "uv_thread_create", "uv_loop_new", "uv_poll_init_socket"];

const TRY_AGAIN = `Bun ${Bun.version} has what the native addons need: try whether one adapter is enough (docs/decisions/0008-two-runtimes.md)`;

/** RTLD_DEFAULT: whatever the process itself exports. */
const EVERYWHERE = process.platform === "darwin" ? -2 : 0;
const libc = process.platform === "darwin" ? "libSystem.B.dylib" : "libc.so.6";
const { dlsym } = dlopen(libc, { dlsym: { args: ["i64", "cstring"], returns: "ptr" } }).symbols;
const has = (symbol: string) => dlsym(EVERYWHERE, Buffer.from(`${symbol}\0`)) !== null;

async function bunRuns(program: string): Promise<{ code: number; said: string }> {
  const child = Bun.spawn([process.execPath, "-e", program], { stdio: ["ignore", "ignore", "pipe"] });
  const said = await new Response(child.stderr).text();
  return { code: await child.exited, said };
}

test("Bun does not export V8 functions that both addons call", () => {
  expect(has("v8_no_such_function")).toBe(false);
  expect(has("napi_create_object")).toBe(true); // the question is asked rightly
  const missing = Object.entries(V8_CALLS).filter(([, symbol]) => !has(symbol));
  if (missing.length === 0) throw new Error(TRY_AGAIN);
  expect(missing.map(([name]) => name)).toContain("v8::Value::ToObject");
});

test.each(LIBUV_CALLS)("Bun stops when %s of libuv is called", async (name) => {
  const { code, said } = await bunRuns(`
    import { CFunction, dlopen } from "bun:ffi";
    const { dlsym } = dlopen(${JSON.stringify(libc)}, { dlsym: { args: ["i64", "cstring"], returns: "ptr" } }).symbols;
    const ptr = dlsym(${EVERYWHERE}, Buffer.from("${name}\\0"));
    CFunction({ ptr, args: ["ptr", "ptr", "ptr"], returns: "i32" })(Buffer.alloc(4096), Buffer.alloc(4096), null);`);
  if (code === 0) throw new Error(TRY_AGAIN);
  expect(said).toContain(name);
});

test.each([
  ["@confluentinc/kafka-javascript/librdkafka.js", /NODE_MODULE_VERSION|bindings file|undefined symbol/],
  ["uWebSockets.js", /supports only Node\.js|undefined symbol/],
] as const)("%s cannot be loaded by Bun", async (addon, words) => {
  const { code, said } = await bunRuns(`require(${JSON.stringify(addon)})`);
  if (code === 0) throw new Error(TRY_AGAIN);
  expect(said).toMatch(words);
});
