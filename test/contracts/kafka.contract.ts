import { describe } from "bun:test";
import type { CreateKafka } from "../../kafka/kafka.ts";
import { administrationContract } from "../kafka/contract/administration.ts";
import { consumingContract } from "../kafka/contract/consuming.ts";
import { groupsContract } from "../kafka/contract/groups.ts";
import { outagesContract } from "../kafka/contract/outages.ts";
import { producingContract } from "../kafka/contract/producing.ts";
import { type OpenQuestioner, questionsContract } from "../kafka/contract/questions.ts";
import { renewalsContract } from "../kafka/contract/renewals.ts";
import { type ControlledBroker, openWorkbench } from "../kafka/contract/workbench.ts";

/**
 * What every adapter of kafka/kafka.ts must do, on a real broker. The broker must be running; the later parts freeze,
 * stop, kill and start it.
 */
export function kafkaContract(
  name: string,
  createKafka: CreateKafka,
  openQuestioner: OpenQuestioner,
  broker: ControlledBroker,
): void {
  const open = () => openWorkbench(createKafka, broker);
  // Each test has its own topics and groups, and most wait for a session or a linger time to end: side by side.
  describe.concurrent(`${name}, on a broker that stays up`, () => {
    describe(`${name}: producing`, () => producingContract(open));
    describe(`${name}: consuming`, () => consumingContract(open));
    describe(`${name}: groups`, () => groupsContract(open));
    describe(`${name}: administration`, () => administrationContract(open, createKafka));
  });
  describe(`${name}: questions`, () => questionsContract(open, openQuestioner));
  describe(`${name}: renewals`, () => renewalsContract(open));
  describe(`${name}: outages`, () => outagesContract(open));
}
