// Preloaded into a process of a test's own: its wall clock is off by CLOCK_OFFSET_MS, and goes back by an hour at each SIGUSR2. Clocks
// that only go forward (performance.now, timers) are left as they are, as by a person who sets the clock.
const RealDate = Date;
let offsetMs = Number(process.env.CLOCK_OFFSET_MS ?? 0);
const now = () => RealDate.now() + offsetMs;

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(now());
    else super(...given);
  }
  static now() {
    return now();
  }
};

process.on("SIGUSR2", () => {
  offsetMs -= 3_600_000;
});
