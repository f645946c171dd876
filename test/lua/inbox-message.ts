import { randomUUID } from "node:crypto";
import type { NewMessage } from "../../lua/inbox.ts";

/** A message of an event that happens now and never again. */
export const letter = (json: string): NewMessage => ({ json, eventId: randomUUID(), since: Date.now() });
