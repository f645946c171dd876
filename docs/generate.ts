import { ConsumersEnvironment } from "../consumers/config.ts";
import { retentionTables, withRetentionTables } from "../consumers/retention/retention-tables.ts";
import { claimRefusalsTable } from "../contracts/claims/refusals.ts";
import { GatewayEnvironment } from "../gateway/config.ts";
import { PaymentSimulatorEnvironment } from "../payment-simulator/config.ts";
import { StackEnvironment } from "../stack/config.ts";
import { configurationTable, withTable } from "./configuration-table.ts";

// `./dev docs`: writes what README says about configuration and about refused claims from what the program reads.
const readme = new URL("../README.md", import.meta.url);
const table = configurationTable({
  gateway: GatewayEnvironment,
  consumers: ConsumersEnvironment,
  "payment-simulator": PaymentSimulatorEnvironment,
  "./dev": StackEnvironment,
});
const withConfiguration = withTable(await Bun.file(readme).text(), table);
await Bun.write(readme, withTable(withConfiguration, claimRefusalsTable(), "refusals of a claim"));

// And what the operations guide says about how long things are kept.
const guide = new URL("operations.md", import.meta.url);
await Bun.write(guide, withRetentionTables(await Bun.file(guide).text(), retentionTables()));
