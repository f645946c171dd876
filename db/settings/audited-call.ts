import { AsyncLocalStorage } from "node:async_hooks";

const calls = new AsyncLocalStorage<string>();

/** Does the work of a call: every audit line that is written meanwhile carries its request id. */
export const withinCall = <T>(requestId: string, work: () => T): T => calls.run(requestId, work);

/** The request id of the call whose work is being done; null: no call's. */
export const currentCall = (): string | null => calls.getStore() ?? null;
