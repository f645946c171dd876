import { expect, test } from "bun:test";
import { lagOf, type QueryOffsets } from "./group-lag.ts";

const [first, second] = [0, 1].map((partition) => ({ topic: "t", partition }));

/** A log whose partitions begin at 3 and end at 10. */
function log() {
  const asked: string[] = [];
  const query: QueryOffsets = async (which, partitions) => {
    asked.push(`${which} ${partitions.map(({ partition }) => partition)}`);
    return partitions.map((partition) => ({ ...partition, offset: which === "END" ? 10 : 3 }));
  };
  return { asked, query };
}

test("a group is behind from its offset, and without one from the oldest record, which is asked for only then", async () => {
  const { asked, query } = log();
  expect(await lagOf([first!, second!], [-1, 6], query)).toEqual([
    { topic: "t", partition: 0, committed: -1, end: 10, lag: 7 },
    { topic: "t", partition: 1, committed: 6, end: 10, lag: 4 },
  ]);
  expect(asked).toEqual(["END 0,1", "BEGINNING 0"]);
});

test("an offset behind the end, of a topic that was made anew, is no lag; where all have offsets no beginning is asked for", async () => {
  const { asked, query } = log();
  expect((await lagOf([first!], [12], query))[0]!.lag).toBe(0);
  expect(asked).toEqual(["END 0"]);
});
