import ack from "./ack.lua" with { type: "text" };
import claim from "./claim.lua" with { type: "text" };
import decide from "./decide.lua" with { type: "text" };
import loadSale from "./load-sale.lua" with { type: "text" };
import { shaOf } from "./portable-script.ts";
import release from "./release.lua" with { type: "text" };
import replaceWinner from "./replace-winner.lua" with { type: "text" };
import resize from "./resize.lua" with { type: "text" };
import { withIncludes } from "./script-includes.ts";
import setState from "./set-state.lua" with { type: "text" };
import swapScripts from "./swap-scripts.lua" with { type: "text" };

/** Scripts that only a sale's loader puts on a server. Field of `:sale` that holds the SHA → text. */
const FENCED = {
  shaClaim: claim,
  shaDecide: decide,
  shaRelease: release,
  shaAck: ack,
  shaState: setState,
  shaReplace: replaceWinner,
  shaResize: resize,
} as const;

export type SaleScriptName = keyof typeof FENCED;
export const SALE_SCRIPT_NAMES = Object.keys(FENCED) as SaleScriptName[];

export interface RenderedScript {
  readonly sha: string;
  readonly text: string;
}

/** Scripts that only the loader runs. Their SHAs are not stored. */
export type LoaderScriptName = "load" | "swap";
export type RenderedScripts = Readonly<Record<SaleScriptName | LoaderScriptName, RenderedScript>>;

/** Puts RUN_ID before a script, but after its `#!lua` line: Redis requires that line to be the first. */
function render(text: string, runId: string): RenderedScript {
  const complete = withIncludes(text);
  const start = complete.startsWith("#!") ? complete.indexOf("\n") + 1 : 0;
  const rendered = `${complete.slice(0, start)}local RUN_ID = '${runId}'\n${complete.slice(start)}`;
  return { sha: shaOf(rendered), text: rendered };
}

/**
 * The scripts of all sales on one server process. The server's run_id is part of their text, so a restarted server or a promoted
 * replica knows no script by these SHAs until a loader has loaded them, and a script that is copied to another server refuses.
 * @throws Error if `runId` is not what INFO calls one (it becomes program text)
 */
export function renderSaleScripts(runId: string): RenderedScripts {
  if (!/^\w+$/.test(runId)) throw new Error(`Not a run_id: ${runId}`);
  const scripts = { load: render(loadSale, runId), swap: render(swapScripts, runId) } as Record<
    SaleScriptName | LoaderScriptName,
    RenderedScript
  >;
  for (const name of SALE_SCRIPT_NAMES) scripts[name] = render(FENCED[name], runId);
  return scripts;
}
