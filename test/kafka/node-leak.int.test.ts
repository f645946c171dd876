import { nodeSuite } from "../runtimes/node-suite.ts";

await nodeSuite("kafka-leak", `${import.meta.dirname}/node-leak.suite.ts`);
