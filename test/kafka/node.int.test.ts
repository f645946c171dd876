import { nodeSuite } from "../runtimes/node-suite.ts";

await nodeSuite("kafka", `${import.meta.dirname}/node.suite.ts`);
