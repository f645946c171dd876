import type { DeadLetterId, DeadLetterStatus } from "../../contracts/wire/dead-letters.ts";
import { StampedeError } from "../../contracts/wire/errors.ts";
import type { Executor } from "../client.ts";

export interface LockedLetter {
  readonly status: DeadLetterStatus;
  readonly eventId: string;
  readonly topic: string;
}

/**
 * A dead letter that an operator is about to change. Waits for one that is being sent again at this moment.
 * @throws StampedeError DEAD_LETTER_NOT_FOUND
 */
export async function lockDeadLetter(tx: Executor, id: DeadLetterId): Promise<LockedLetter> {
  const [row] = await tx<LockedLetter[]>`
    SELECT status, event_id AS "eventId", topic FROM dead_letters WHERE id = ${id} FOR UPDATE`;
  if (row === undefined) throw new StampedeError("DEAD_LETTER_NOT_FOUND", `There is no dead letter ${id}`);
  return row;
}
