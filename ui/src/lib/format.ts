// Numbers as people read them, to the digit as the terminal's report writes them: three digits that matter and a unit.

export const NONE = '–';
const BYTES = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
const BITS = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'];
const COUNTS = ['', 'k', 'M', 'G', 'T', 'P'];

type Maybe = number | null | undefined;
const known = (value: Maybe): value is number => typeof value === 'number' && Number.isFinite(value);

function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return value.toFixed(0);
  return size >= 9.995 ? value.toFixed(1) : value.toFixed(2);
}

function small(value: number): string {
  const whole = Math.abs(value - Math.round(value)) < 0.05 || Math.abs(value) >= 99.95;
  return whole ? String(Math.round(value) + 0) : value.toFixed(1);
}

function scaled(value: number, steps: string[]): string {
  let step = 0;
  while (Math.abs(value) >= 999.5 && step + 1 < steps.length) {
    value /= 1000;
    step += 1;
  }
  const number = step === 0 ? small(value) : threeDigits(value);
  return `${number} ${steps[step] ?? ''}`.trim();
}

/** Octets in decimal units: `640 B`, `1.24 MB`. */
export const bytes = (value: Maybe) => (known(value) ? scaled(value, BYTES) : NONE);

/** Bits a second. */
export const bits = (value: Maybe) => (known(value) ? scaled(value, BITS) : NONE);

/** A number of things: `4.2`, `340`, `34,210`, `1.24 M`. */
export function count(value: Maybe): string {
  if (!known(value)) return NONE;
  if (Math.abs(value) < 999.5) return small(value);
  if (Math.abs(value) < 99_999.5) return grouped(value);
  return scaled(value, COUNTS);
}

/** A whole number with its thousands set apart by commas. */
export const grouped = (value: Maybe) => (known(value) ? Math.round(value).toLocaleString('en-US') : NONE);

/** A part of a whole in per cent, 1 for all of it: `78 %`, `<1 %`. */
export function share(value: Maybe): string {
  if (!known(value)) return NONE;
  const percent = value * 100;
  if (percent !== 0 && Math.abs(percent) < 0.95) return percent < 0 ? '-<1 %' : '<1 %';
  return `${Math.round(percent) + 0} %`;
}

/** How far `observed` is from `expected`: `12.7×`, `-88 %`, `new` where nothing was expected. */
export function factor(observed: Maybe, expected: Maybe): string {
  if (!known(observed) || !known(expected)) return NONE;
  if (Math.abs(expected) < 1e-3) return observed > 0 ? 'new' : NONE;
  const ratio = observed / expected;
  if (ratio < 1) return `${Math.round((ratio - 1) * 100) + 0} %`;
  if (ratio >= 9999.5) return count(ratio).replace(' ', '') + '×';
  return ratio >= 99.95 ? grouped(ratio) + '×' : ratio.toFixed(1) + '×';
}

/** A change in parts of what was: `+33 %`, `-20 %`, `new` where there was nothing. */
export function change(value: Maybe, now?: Maybe): string {
  if (!known(value)) return known(now) && now > 0 ? 'new' : NONE;
  const text = share(value);
  return value > 0 ? '+' + text : text;
}

/** The probability `exp(-score)` as `one in 3.4 million`; nothing for a score that says nothing. */
export function oneIn(score: Maybe): string | null {
  if (!known(score) || score <= 0) return null;
  const times = Math.exp(Math.min(score, 700));
  if (times < 1e6) return 'one in ' + grouped(times);
  const power = Math.floor(Math.log10(times));
  const names: [number, string][] = [
    [12, 'trillion'],
    [9, 'billion'],
    [6, 'million'],
  ];
  if (power >= 15) return 'less than one in a million billion';
  const [exponent, name] = names.find(([p]) => power >= p) ?? [6, 'million'];
  return `one in ${threeDigits(times / 10 ** exponent)} ${name}`;
}

/** A length of time in its one or two largest units: `45 s`, `6 min`, `1 h 30 min`, `3 d`. */
export function duration(seconds: Maybe): string {
  if (!known(seconds)) return NONE;
  const whole = Math.round(Math.abs(seconds));
  if (Math.abs(seconds) < 1 && seconds !== 0) return `${Math.round(seconds * 1000)} ms`;
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const first = units.findIndex(([size]) => whole >= size);
  if (first < 0) return '0 s';
  const [size, name] = units[first]!;
  const head = `${Math.floor(whole / size)} ${name}`;
  const next = units[first + 1];
  const rest = next ? Math.floor((whole % size) / next[0]) : 0;
  return next && rest > 0 ? `${head} ${rest} ${next[1]}` : head;
}

/** Whether a metric of a query or an anomaly counts octets. */
export const isBytes = (metric: string) => metric === 'bytes' || metric === 'bpp' || metric.endsWith('_bytes');

/** A value of a metric with its unit. */
export function measure(metric: string, value: Maybe): string {
  if (isBytes(metric)) return bytes(value);
  if (metric === 'bps' || metric.endsWith('_bps')) return bits(value);
  if (metric === 'duration' || metric.endsWith('_duration')) return known(value) && value < 10 ? `${threeDigits(value)} s` : duration(value);
  if (metric === 'pps' || metric.endsWith('_pps') || metric === 'fps' || metric.endsWith('_fps')) return known(value) ? `${count(value)}/s` : NONE;
  return count(value);
}
