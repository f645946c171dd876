import { Command } from "commander";
import pc from "picocolors";
import { shortDuration } from "../../contracts/wire/durations.ts";
import { createStack } from "../../stack/stack.ts";
import { type ServiceStatus, stackStatus } from "../../stack/status.ts";
import { table } from "../terminal/table.ts";

const COLOUR = { up: pc.green, "not ready": pc.yellow, starting: pc.yellow, partly: pc.yellow, down: pc.dim } as const;

function rowOf(status: ServiceStatus): string[] {
  return [
    status.service,
    COLOUR[status.state](status.state),
    status.pids.length > 0 ? status.pids.join(" ") : "–",
    status.address,
    status.since === null ? "–" : shortDuration(Date.now() - status.since),
    status.rss === null ? "–" : `${Math.round(status.rss / 1024 ** 2)} MB`,
    status.runtime === null ? status.source : `${status.source}, ${status.runtime}`,
  ];
}

/** `redis up, kafka down`: what the health document holds beside `status`. */
function healthLine({ service, health }: ServiceStatus): string | null {
  if (health === null) return null;
  const parts = Object.entries(health).map(([name, value]) =>
    typeof value === "object" ? `${name} ${JSON.stringify(value)}` : `${name} ${value}`,
  );
  return `${service}: ${parts.join(", ")}`;
}

export function statusCommand(): Command {
  return new Command("status")
    .description("Shows what runs, where and since when")
    .option("--json", "as JSON")
    .addHelpText("after", "\nExample:\n  ./dev status")
    .action(async ({ json }: { json?: boolean }) => {
      const all = await stackStatus(createStack());
      if (json) return console.log(JSON.stringify(all, null, 2));
      console.log(table(["service", "state", "pid", "address", "uptime", "memory", "from"], all.map(rowOf)));
      for (const status of all) {
        const line = healthLine(status);
        if (line) console.log(pc.dim(line));
      }
    });
}
