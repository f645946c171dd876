/**
 * Latencies in log-linear buckets, as HdrHistogram does it: 128 steps per power of two, so a percentile is at most 0.8 %
 * off, in a fixed 24 kB, and adding costs nanoseconds (a list of a million latencies to sort would disturb what it
 * measures). Values are whole microseconds up to about 134 s.
 */
export class Histogram {
  static readonly #STEPS = 128;
  static readonly #POWERS = 20;
  readonly #counts: Uint32Array;
  count = 0;
  max = 0;

  constructor(counts: ArrayLike<number> = []) {
    this.#counts = new Uint32Array(Histogram.#STEPS * (Histogram.#POWERS + 1));
    this.#counts.set(counts);
    for (const n of this.#counts) this.count += n;
  }

  add(micros: number): void {
    const value = Math.max(0, Math.round(micros));
    this.#counts[indexOf(value)]!++;
    this.count++;
    if (value > this.max) this.max = value;
  }

  merge(other: Histogram): void {
    const theirs = other.#counts;
    for (let i = 0; i < theirs.length; i++) this.#counts[i]! += theirs[i]!;
    this.count += other.count;
    this.max = Math.max(this.max, other.max);
  }

  /** The value that `percent` of all do not exceed, in microseconds; 0 if there are none. */
  percentile(percent: number): number {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.count));
    let seen = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      seen += this.#counts[i]!;
      if (seen >= rank) return Math.min(upperEdge(i), this.max);
    }
    return this.max;
  }

  /** For another process; `Histogram.parse` reads it. */
  toJSON(): HistogramJson {
    const pairs: number[] = [];
    for (const [bucket, n] of this.#counts.entries()) if (n > 0) pairs.push(bucket, n);
    return { pairs, max: this.max };
  }

  static parse({ pairs, max }: HistogramJson): Histogram {
    const counts = new Uint32Array(Histogram.#STEPS * (Histogram.#POWERS + 1));
    for (let i = 0; i + 1 < pairs.length; i += 2) counts[pairs[i]!] = pairs[i + 1]!;
    const histogram = new Histogram(counts);
    histogram.max = max;
    return histogram;
  }
}

export interface HistogramJson {
  /** bucket, count, bucket, count, … */
  readonly pairs: readonly number[];
  readonly max: number;
}

// Bucket of a value: below 128 the value itself; above, 7 more bits after the leading one.
function indexOf(value: number): number {
  if (value < 128) return value;
  const power = Math.min(31 - Math.clz32(value), 26) - 7;
  return Math.min((power + 1) * 128 + (value >>> power) - 128, 128 * 21 - 1);
}

function upperEdge(index: number): number {
  if (index < 128) return index;
  const power = Math.floor(index / 128) - 1;
  return ((index % 128) + 129) * 2 ** power - 1;
}
