import { ConsumersEnvironment } from "../consumers/config.ts";
import { GatewayEnvironment } from "../gateway/config.ts";
import { PaymentSimulatorEnvironment } from "../payment-simulator/config.ts";
import { configurationTable, withTable } from "./configuration-table.ts";

// `bun run docs`: writes what README says about configuration from the schemas that read it.
const readme = new URL("../README.md", import.meta.url);
const table = configurationTable({
  gateway: GatewayEnvironment,
  consumers: ConsumersEnvironment,
  "payment-simulator": PaymentSimulatorEnvironment,
});
await Bun.write(readme, withTable(await Bun.file(readme).text(), table));
