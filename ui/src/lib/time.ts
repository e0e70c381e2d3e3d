// Instants as people read them, in the viewer's zone or in UTC as they chose; no digit that says nothing.

export type Zone = 'local' | 'utc';

const pad = (n: number) => String(n).padStart(2, '0');

interface Civil {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  weekday: number;
}

/** The parts of an instant on the wall of the chosen zone; Monday is 0. */
export function civil(at: Date, zone: Zone): Civil {
  const utc = zone === 'utc';
  return {
    year: utc ? at.getUTCFullYear() : at.getFullYear(),
    month: (utc ? at.getUTCMonth() : at.getMonth()) + 1,
    day: utc ? at.getUTCDate() : at.getDate(),
    hour: utc ? at.getUTCHours() : at.getHours(),
    minute: utc ? at.getUTCMinutes() : at.getMinutes(),
    second: utc ? at.getUTCSeconds() : at.getSeconds(),
    weekday: ((utc ? at.getUTCDay() : at.getDay()) + 6) % 7,
  };
}

export function parse(text: string | null | undefined): Date | null {
  if (!text) return null;
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? null : at;
}

const dateOf = (c: Civil) => `${c.year}-${pad(c.month)}-${pad(c.day)}`;

export function clock(at: Date, zone: Zone, seconds = false): string {
  const c = civil(at, zone);
  return `${pad(c.hour)}:${pad(c.minute)}` + (seconds || c.second ? `:${pad(c.second)}` : '');
}

/** `13:42` today, else `2026-03-11 00:05`. */
export function instant(text: string | null | undefined, zone: Zone, now: Date): string {
  const at = parse(text);
  if (!at) return '–';
  const day = dateOf(civil(at, zone));
  return day === dateOf(civil(now, zone)) ? clock(at, zone) : `${day} ${clock(at, zone)}`;
}

/** Date, time with seconds, and the zone's name: for titles, where nothing may be left open. */
export function exact(text: string | null | undefined, zone: Zone): string {
  const at = parse(text);
  if (!at) return '–';
  return `${dateOf(civil(at, zone))} ${clock(at, zone, true)} ${zoneName(zone, at)}`;
}

/** `13:42 – 13:55`, `since 13:42`; the second date is left out where it is the first one. */
export function span(start: string, end: string | null | undefined, zone: Zone, now: Date): string {
  const from = parse(start);
  const to = parse(end);
  if (!from) return '–';
  if (!to) return 'since ' + instant(start, zone, now);
  const same = dateOf(civil(from, zone)) === dateOf(civil(to, zone));
  return `${instant(start, zone, now)} – ${same ? clock(to, zone) : instant(end, zone, now)}`;
}

/** `just now`, `4 min ago`, `in 2 h`. */
export function ago(text: string | null | undefined, now: Date): string {
  const at = parse(text);
  if (!at) return '–';
  const seconds = (now.getTime() - at.getTime()) / 1000;
  const size = Math.abs(seconds);
  if (size < 5) return 'just now';
  const steps: [number, string][] = [
    [86_400 * 2, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const step = steps.find(([limit]) => size >= limit) ?? [1, 's'];
  const unit = step[1] === 'd' ? 86_400 : step[0];
  const words = `${Math.round(size / unit)} ${step[1]}`;
  return seconds > 0 ? `${words} ago` : `in ${words}`;
}

/** `UTC`, or the viewer's own: `CET`, `GMT+2`. */
export function zoneName(zone: Zone, at = new Date()): string {
  if (zone === 'utc') return 'UTC';
  const parts = new Intl.DateTimeFormat('en-GB', { timeZoneName: 'short' }).formatToParts(at);
  return parts.find((p) => p.type === 'timeZoneName')?.value ?? 'local';
}

/** A text of the server with its instants in the viewer's zone. */
export function timed(text: string, zone: Zone, now: Date): string {
  return text.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (at) => instant(at, zone, now));
}

/** An instant as the API takes it, whole seconds in UTC. */
export const rfc3339 = (at: Date) => at.toISOString().replace(/\.\d+Z$/, 'Z');
