import { reportFailure } from "./failure.ts";
import { buildProgram } from "./program.ts";

process.exitCode = await buildProgram()
  .parseAsync()
  .then(() => process.exitCode ?? 0, reportFailure);
