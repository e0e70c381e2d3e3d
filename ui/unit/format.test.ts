// Numbers read as the terminal's report writes them.
import { describe, expect, it } from 'vitest';
import { bits, bytes, change, count, duration, factor, grouped, measure, oneIn, share } from '../src/lib/format';

describe('numbers have three digits that matter and a unit', () => {
  it.each([
    [bytes(640), '640 B'],
    [bytes(1_240_000), '1.24 MB'],
    [bytes(999.6), '1.00 kB'],
    [bytes(null), '–'],
    [bytes(Number.NaN), '–'],
    [bits(1_000_000), '1.00 Mbit/s'],
    [count(4.2), '4.2'],
    [count(34_210), '34,210'],
    [count(1_240_000), '1.24 M'],
    [count(-0), '0'],
    [grouped(1_234_567.4), '1,234,567'],
  ])('%s is %s', (got, wanted) => expect(got).toBe(wanted));
});

describe('comparisons say what they compare', () => {
  it.each([
    [share(0.784), '78 %'],
    [share(0.001), '<1 %'],
    [share(-0.001), '-<1 %'],
    [factor(50, 4.7), '10.6×'],
    [factor(12, 100), '-88 %'],
    [factor(5, 0), 'new'],
    [factor(0, 0), '–'],
    [change(0.33), '+33 %'],
    [change(-0.2), '-20 %'],
    [change(null, 7), 'new'],
    [oneIn(23.2), 'one in 11.9 billion'],
    [oneIn(0), null],
  ])('%s is %s', (got, wanted) => expect(got).toBe(wanted));
});

describe('lengths of time have one or two units', () => {
  it.each([
    [0, '0 s'],
    [0.25, '250 ms'],
    [45, '45 s'],
    [360, '6 min'],
    [5400, '1 h 30 min'],
    [259_200, '3 d'],
  ])('%d s is %s', (seconds, wanted) => expect(duration(seconds)).toBe(wanted));
});

describe('a metric brings its unit', () => {
  it.each([
    ['bytes', 1e6, '1.00 MB'],
    ['p95_bytes', 1e3, '1.00 kB'],
    ['bps', 1e6, '1.00 Mbit/s'],
    ['pps', 20, '20/s'],
    ['duration', 1.234, '1.23 s'],
    ['flows', 12, '12'],
  ])('%s', (metric, value, wanted) => expect(measure(metric, value)).toBe(wanted));
});
