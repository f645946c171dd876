import { isClaimRefusal } from "../contracts/claims/refusals.ts";
import announce from "./announce.lua" with { type: "text" };
import grantSlot from "./grant-slot.lua" with { type: "text" };
import { SALES_CHANNEL } from "./keys.ts";
import saleRefusal from "./sale-refusal.lua" with { type: "text" };
import saleSlots from "./sale-slots.lua" with { type: "text" };
import saveGrants from "./save-grants.lua" with { type: "text" };
import winFormat from "./win-format.lua" with { type: "text" };

/** Pieces of Lua that several scripts share, by file name. */
const PIECES: ReadonlyMap<string, string> = new Map([
  ["announce.lua", `local SALES_CHANNEL = '${SALES_CHANNEL}'\n${announce}`],
  ["grant-slot.lua", grantSlot],
  ["sale-refusal.lua", saleRefusal],
  ["sale-slots.lua", saleSlots],
  ["save-grants.lua", saveGrants],
  ["win-format.lua", winFormat],
]);

const INCLUDE = /^ *-- include: (\S+)$/gm;
const REFUSAL = /\bREFUSED\.(\w+)/g;

/**
 * The complete text of a script, as Redis gets it. A line `-- include: <file>` becomes the text of that piece, and
 * `REFUSED.<code>` becomes the code as a string. Redis sees neither, so both cost nothing when the script runs.
 * @throws Error if there is no such piece, or if a claim is not refused with such a code (contracts/claims/refusals.ts)
 */
export function withIncludes(text: string): string {
  return text
    .replace(INCLUDE, (_, file: string) => {
      const piece = PIECES.get(file);
      if (piece === undefined) throw new Error(`No piece of Lua is called ${file}`);
      return piece;
    })
    .replace(REFUSAL, (_, code: string) => {
      if (!isClaimRefusal(code)) throw new Error(`contracts/claims/refusals.ts has no ${code}`);
      return `'${code}'`;
    });
}
