// Ranges and instants in words mean what a person means by them.
import { describe, expect, it } from 'vitest';
import { ago, instant, span, timed } from '../src/lib/time';
import { instantOf, rangeOf, seconds } from '../src/lib/timewords';

const NOW = new Date('2026-03-02T08:40:30Z');
const said = (words: string) => {
  const range = rangeOf(words, NOW, 'utc');
  return range ? `${range.since.toISOString().slice(0, 16)} ${range.until.toISOString().slice(0, 16)}` : null;
};

describe('ranges in words', () => {
  it.each([
    ['last 6h', '2026-03-02T02:40 2026-03-02T08:40'],
    ['last hour', '2026-03-02T07:40 2026-03-02T08:40'],
    ['Last 1h30m', '2026-03-02T07:10 2026-03-02T08:40'],
    ['15m', '2026-03-02T08:25 2026-03-02T08:40'],
    ['last 2 days', '2026-02-28T08:40 2026-03-02T08:40'],
    ['today', '2026-03-02T00:00 2026-03-02T08:40'],
    ['yesterday', '2026-03-01T00:00 2026-03-02T00:00'],
    ['2026-02-27', '2026-02-27T00:00 2026-02-28T00:00'],
    ['2026-03-02 08:30 to 09:00', '2026-03-02T08:30 2026-03-02T09:00'],
    ['2026-03-01 22:00 to 2026-03-02 01:00', '2026-03-01T22:00 2026-03-02T01:00'],
    ['08:00 to 08:15', '2026-03-02T08:00 2026-03-02T08:15'],
    ['since 2h ago', '2026-03-02T06:40 2026-03-02T08:40'],
    ['2026-03-02T08:00:00Z to now', '2026-03-02T08:00 2026-03-02T08:40'],
  ])('%s', (words, wanted) => expect(said(words)).toBe(wanted));

  it.each(['', 'soon', 'last', 'last 6 parsecs', '09:00 to 08:00', '2026-13-01', '25:00 to 26:00'])('%s is not understood', (words) =>
    expect(rangeOf(words, NOW, 'utc')).toBeNull(),
  );
});

describe('lengths and instants', () => {
  it.each([
    ['6h', 21_600],
    ['1h30m', 5400],
    ['2 days', 172_800],
    ['0h', null],
    ['h6', null],
    ['', null],
  ])('%s', (text, wanted) => expect(seconds(text)).toBe(wanted));

  it('an instant with a zone is taken at its word', () => expect(instantOf('2026-03-02T09:00:00+01:00', NOW, 'utc')?.toISOString()).toBe('2026-03-02T08:00:00.000Z'));

  it('the date stands only where it is not today', () => {
    expect(instant('2026-03-02T08:30:00Z', 'utc', NOW)).toBe('08:30');
    expect(instant('2026-03-01T08:30:07Z', 'utc', NOW)).toBe('2026-03-01 08:30:07');
    expect(span('2026-03-02T08:30:00Z', '2026-03-02T08:36:00Z', 'utc', NOW)).toBe('08:30 – 08:36');
    expect(span('2026-03-02T08:30:00Z', null, 'utc', NOW)).toBe('since 08:30');
  });

  it('distances are told in one unit', () => {
    expect(ago('2026-03-02T08:36:30Z', NOW)).toBe('4 min ago');
    expect(ago('2026-03-02T10:40:30Z', NOW)).toBe('in 2 h');
    expect(ago('2026-02-20T08:40:30Z', NOW)).toBe('10 d ago');
  });

  it('instants inside a text of the server are told in the zone of the viewer', () =>
    expect(timed('Warned of at 2026-03-02T08:33:00Z, reached by 2026-03-01T08:35:00Z.', 'utc', NOW)).toBe('Warned of at 08:33, reached by 2026-03-01 08:35.'));
});
