// Time ranges in words, `last 6h` or `yesterday` or `2026-03-02 08:30 to 09:00`, as a person types them.
import { civil, type Zone } from './time';

export interface Range {
  since: Date;
  until: Date;
}

export const RANGES = ['last 15m', 'last 1h', 'last 6h', 'last 24h', 'today', 'yesterday', 'last 7d', 'last 30d'];

const UNITS: [RegExp, number][] = [
  [/^(s|secs?|seconds?)$/, 1],
  [/^(m|mins?|minutes?)$/, 60],
  [/^(h|hrs?|hours?)$/, 3600],
  [/^(d|days?)$/, 86_400],
  [/^(w|weeks?)$/, 604_800],
];

/** Seconds of `6h`, `1h30m`, `2 days`; null for what is no length of time. */
export function seconds(text: string): number | null {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)?\s*([a-z]+)\s*/gi)];
  if (!parts.length || parts.map((p) => p[0]).join('').trim() !== text.trim()) return null;
  let total = 0;
  for (const [, number, unit] of parts) {
    const size = UNITS.find(([name]) => name.test((unit ?? '').toLowerCase()))?.[1];
    if (size === undefined) return null;
    total += Number(number ?? '1') * size;
  }
  return total > 0 ? total : null;
}

function midnight(at: Date, zone: Zone, days: number): Date {
  const c = civil(at, zone);
  return zone === 'utc' ? new Date(Date.UTC(c.year, c.month - 1, c.day + days)) : new Date(c.year, c.month - 1, c.day + days);
}

/** One instant: `now`, `today`, `2h ago`, `-2h`, `2026-03-02 08:30`, `08:30` of today or of `day`, RFC 3339. */
export function instantOf(text: string, now: Date, zone: Zone, day = now): Date | null {
  const word = text.trim().toLowerCase();
  if (word === 'now') return now;
  if (word === 'today') return midnight(now, zone, 0);
  if (word === 'yesterday') return midnight(now, zone, -1);
  const back = /^(?:-\s*(.+)|(.+)\s+ago)$/.exec(word);
  if (back) {
    const length = seconds(back[1] ?? back[2] ?? '');
    return length === null ? null : new Date(now.getTime() - length * 1000);
  }
  const time = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(word);
  const date = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ t]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?$/.exec(word);
  const c = civil(day, zone);
  const [y, mo, d, h, mi, s] = date
    ? [date[1], date[2], date[3], date[4] ?? '0', date[5] ?? '0', date[6] ?? '0'].map(Number)
    : time
      ? [c.year, c.month, c.day, Number(time[1]), Number(time[2]), Number(time[3] ?? '0')]
      : [];
  if (y !== undefined && mo !== undefined) {
    if (mo < 1 || mo > 12 || d! < 1 || d! > 31 || h! > 23 || mi! > 59 || s! > 59) return null;
    return zone === 'utc' ? new Date(Date.UTC(y, mo - 1, d, h, mi, s)) : new Date(y, mo - 1, d, h, mi, s);
  }
  if (!/^\d{4}-\d\d-\d\dt.*(z|[+-]\d\d:?\d\d)$/.test(word)) return null;
  const at = new Date(text.trim());
  return Number.isNaN(at.getTime()) ? null : at;
}

/** A range in words, or null where it cannot be understood. Its end lies after its start. */
export function rangeOf(text: string, now: Date, zone: Zone): Range | null {
  const word = text.trim().toLowerCase();
  if (!word) return null;
  if (word === 'today') return { since: midnight(now, zone, 0), until: now };
  if (word === 'yesterday') return { since: midnight(now, zone, -1), until: midnight(now, zone, 0) };
  const last = /^(?:the\s+)?(?:last|past)\s+(.+)$/.exec(word) ?? /^(\d.*[a-z])$/.exec(word);
  if (last && !word.endsWith('ago') && !/^\d{4}-/.test(word)) {
    const length = seconds(last[1] ?? '');
    if (length !== null) return { since: new Date(now.getTime() - length * 1000), until: now };
  }
  const day = /^\d{4}-\d{1,2}-\d{1,2}$/.test(word) ? instantOf(word, now, zone) : null;
  if (day) return { since: day, until: midnight(day, zone, 1) };
  const [from, to] = word.split(/\s+(?:to|until|till|–)\s+|\s*\.\.\s*/).map((t) => t.replace(/^(since|from)\s+/, ''));
  const since = instantOf(from ?? '', now, zone);
  if (!since) return null;
  const until = to === undefined ? now : instantOf(to, now, zone, since);
  return until && until > since ? { since, until } : null;
}
