import { expect, test } from "bun:test";
import { compare, type Figures, medianOf, shown } from "./figures.ts";

const run = (rps: number, cpu: number | null = 30): Figures => ({
  requests: 10,
  seconds: 1,
  rps,
  p50_ms: 1,
  p99_ms: 2,
  max_ms: 3,
  cpu_us_per_request: cpu,
});

test("the median is taken figure by figure", () => {
  expect(medianOf([run(5), run(1), run(3)]).rps).toBe(3);
  expect(medianOf([run(5), run(1)]).rps).toBe(1);
});

test("a figure that one run could not measure has no median", () => {
  expect(medianOf([run(5), run(1, null), run(3)]).cpu_us_per_request).toBeNull();
});

test("each figure stands beside its budget, met or not", () => {
  const measured = compare(run(900, 36), [
    { figure: "rps", atLeast: 800 },
    { figure: "cpu_us_per_request", atMost: 35 },
  ]);
  expect(measured.find(({ name }) => name === "rps")).toMatchObject({ met: true, budget: "≥ 800" });
  expect(measured.find(({ name }) => name === "cpu_us_per_request")).toMatchObject({ met: false, budget: "≤ 35" });
  expect(measured.find(({ name }) => name === "p50_ms")).toMatchObject({ met: null, budget: "" });
});

test("figures are shown with as many digits as they are worth", () => {
  expect([shown(12345.6), shown(1.23456), shown(0.5), shown(null)]).toEqual(["12,346", "1.235", "0.5", "–"]);
});
