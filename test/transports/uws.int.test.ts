import { nodeSuite } from "../runtimes/node-suite.ts";

await nodeSuite("uws", `${import.meta.dirname}/uws.suite.ts`);
