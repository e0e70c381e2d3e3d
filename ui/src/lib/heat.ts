// Sums a series by hour of the day and day of the week, in the zone the viewer chose.
import { civil, type Zone } from './time';

export interface Cell {
  /** The mean over those weeks that have this hour; null where none has. */
  mean: number | null;
  hours: number;
  /** Start of the newest of these hours, in seconds. */
  newest: number;
}

/** Seven days, Monday first, of 24 hours each. */
export function week(steps: string[], values: (number | null)[], zone: Zone): Cell[][] {
  const days: { sum: number; hours: Set<number>; newest: number }[][] = Array.from({ length: 7 }, () => Array.from({ length: 24 }, () => ({ sum: 0, hours: new Set<number>(), newest: 0 })));
  steps.forEach((step, i) => {
    const at = new Date(step);
    const c = civil(at, zone);
    const cell = days[c.weekday]?.[c.hour];
    const value = values[i];
    if (!cell || value === null || value === undefined) return;
    cell.sum += value;
    cell.hours.add(Math.floor(at.getTime() / 3_600_000));
    cell.newest = Math.max(cell.newest, at.getTime() / 1000);
  });
  return days.map((day) => day.map((c) => ({ mean: c.hours.size ? c.sum / c.hours.size : null, hours: c.hours.size, newest: c.newest })));
}
