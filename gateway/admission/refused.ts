import { StampedeError } from "../../contracts/wire/errors.ts";

/** The longest Retry-After of a refusal by a limit, in seconds. */
const MAX_WAIT_S = 60;

/** Made once: an error with its stack costs more than the whole answer. */
const made = (code: "RATE_LIMITED" | "OVERLOADED", retryAfterS: number): StampedeError =>
  // A second is what these codes say by themselves, and then the answer's headers are prepared.
  Object.freeze(new StampedeError(code, undefined, retryAfterS === 1 ? {} : { retryAfterS }));
const LIMITED = Array.from({ length: MAX_WAIT_S }, (_, i) => made("RATE_LIMITED", i + 1));
/** Three, so that clients do not return in step. */
const OVERLOADED = [1, 2, 3].map((retryAfterS) => made("OVERLOADED", retryAfterS));
let turn = 0;

/** The Retry-After of a wait, in whole seconds. */
export const retryAfterS = (waitMs: number): number => Math.min(MAX_WAIT_S, Math.max(1, Math.ceil(waitMs / 1000)));

/** RATE_LIMITED with the seconds until the bucket has enough tokens again. */
export const rateLimited = (waitMs: number): StampedeError => LIMITED[retryAfterS(waitMs) - 1]!;

/** OVERLOADED: a limit of the whole gateway is reached. */
export const overloaded = (): StampedeError => OVERLOADED[turn++ % OVERLOADED.length]!;
