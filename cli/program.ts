import { Command } from "commander";
import { auditCommand } from "./commands/audit.ts";
import { benchCommand } from "./commands/bench.ts";
import { blockCommand, blocksCommand, unblockCommand } from "./commands/block.ts";
import { changesetCommand, docsCommand, formatCommand } from "./commands/contributor.ts";
import { dbCommand } from "./commands/db.ts";
import { deadLettersCommand } from "./commands/dead-letters.ts";
import { demoCommand } from "./commands/demo.ts";
import { downCommand } from "./commands/down.ts";
import { envCommand } from "./commands/env.ts";
import { logsCommand } from "./commands/logs.ts";
import { pipelineCommand } from "./commands/pipeline.ts";
import { pointsCommand } from "./commands/points.ts";
import { productCommand } from "./commands/product.ts";
import { rankingCommand } from "./commands/ranking.ts";
import { receiptCommand } from "./commands/receipt.ts";
import { retentionCommand } from "./commands/retention.ts";
import { sagaCommand } from "./commands/saga.ts";
import { saleCommand } from "./commands/sale.ts";
import { seedCommand } from "./commands/seed.ts";
import { statusCommand } from "./commands/status.ts";
import { supplyChainCommand } from "./commands/supply-chain.ts";
import { testCommand } from "./commands/test.ts";
import { tokenCommand } from "./commands/token.ts";
import { topicsCommand } from "./commands/topics.ts";
import { upCommand } from "./commands/up.ts";
import { verifyCommand } from "./commands/verify.ts";
import { actAs } from "./token/operator-name.ts";

/** Wrong use throws instead of leaving the process, in every command below. */
function throwing(command: Command): Command {
  command.exitOverride();
  for (const sub of command.commands) throwing(sub);
  return command;
}

/** The whole command line. */
export function buildProgram(): Command {
  const program = new Command("./dev")
    .description("Stampede: its stack, its tests, its sales.")
    .option("--as <name>", "who gives the command, for the audit log (default: the login)", (name: string) =>
      actAs(name),
    )
    .helpCommand("help [command]", "Says how a command is used")
    .showHelpAfterError("(./dev --help lists the commands)")
    .addHelpText("after", "\nExample:\n  ./dev demo        50,000 people fight for 1,000 coupons on this machine");
  for (const command of [
    demoCommand(),
    testCommand(),
    upCommand(),
    downCommand(),
    statusCommand(),
    logsCommand(),
    verifyCommand(),
    benchCommand(),
    topicsCommand(),
    dbCommand(),
    tokenCommand(),
    receiptCommand(),
    saleCommand(),
    pipelineCommand(),
    sagaCommand(),
    productCommand(),
    pointsCommand(),
    blockCommand(),
    unblockCommand(),
    blocksCommand(),
    seedCommand(),
    rankingCommand(),
    deadLettersCommand(),
    auditCommand(),
    retentionCommand(),
    envCommand(),
    formatCommand(),
    docsCommand(),
    changesetCommand(),
    supplyChainCommand(),
  ]) {
    program.addCommand(command);
  }
  return throwing(program);
}
