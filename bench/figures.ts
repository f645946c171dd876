/** Members that every scenario's median has; a scenario adds its own. null: could not be measured here. */
export interface Figures {
  readonly requests: number;
  readonly seconds: number;
  readonly rps: number;
  readonly p50_ms: number | null;
  readonly p99_ms: number | null;
  readonly max_ms: number | null;
  readonly cpu_us_per_request: number | null;
  readonly [name: string]: number | null;
}

/** A budget of the design (section 10): a figure and the bound that it keeps. */
export interface Budget {
  readonly figure: string;
  readonly atMost?: number;
  readonly atLeast?: number;
}

export interface Measured {
  readonly name: string;
  readonly value: number | null;
  /** null: no budget, or nothing measured. */
  readonly met: boolean | null;
  readonly budget: string;
}

/** Per figure the median of all runs (the lower one of an even number: a figure that was really measured). */
export function medianOf(runs: readonly Figures[]): Figures {
  const median: Record<string, number | null> = {};
  for (const name of Object.keys(runs[0] ?? {})) {
    const values = runs.map((run) => run[name]).filter((value) => value != null);
    values.sort((a, b) => a - b);
    median[name] = values.length === runs.length ? values[Math.floor((values.length - 1) / 2)]! : null;
  }
  return median as unknown as Figures;
}

/** Each figure beside its budget. */
export function compare(figures: Figures, budgets: readonly Budget[]): Measured[] {
  return Object.entries(figures).map(([name, value]) => {
    const own = budgets.filter(({ figure }) => figure === name);
    const met =
      value === null || own.length === 0
        ? null
        : own.every(({ atMost = Infinity, atLeast = -Infinity }) => value <= atMost && value >= atLeast);
    const budget = own.map(bound).join(", ");
    return { name, value, met, budget };
  });
}

function bound({ atMost, atLeast }: Budget): string {
  if (atMost === atLeast) return `= ${shown(atMost!)}`;
  return atMost !== undefined ? `≤ ${shown(atMost)}` : `≥ ${shown(atLeast!)}`;
}

/** Four digits are what a measurement is worth. */
export function shown(value: number | null): string {
  if (value === null) return "–";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(4)));
}

/** Rounds figures for the JSON file: microseconds are the finest unit here. */
export function rounded(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, value === null ? null : Math.round(value * 1000) / 1000]),
  ) as unknown as Figures;
}
