import { Paced } from "./paced.ts";
import type { FromPaced, PacedPlan } from "./plan.ts";

// A load process of the drill: it is told its plan by its parent, and reports. Separate, so that neither load measures the other.
const say = (message: FromPaced) => process.send?.(message);

process.on("disconnect", () => process.exit(1));
process.on("message", async (plan: PacedPlan) => {
  try {
    say({ type: "result", result: await new Paced(plan).run() });
  } catch (error) {
    say({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }
});
