// The answer to a query, in one shape: an object of the API, or the lines that the command line writes.
import type { Query, QueryRow, QuerySummary } from '../api/types';
import { value } from './words';

type Line = QueryRow & { type?: string };

export function queryOfAnswer(answer: unknown): Query {
  const given = answer as Partial<Query> & { items?: Line[]; lines?: Line[] };
  const lines = Array.isArray(answer) ? (answer as Line[]) : (given.lines ?? given.items);
  if (!given.rows && lines) {
    const one = (type: string) => lines.find((line) => line.type === type) ?? null;
    return { rows: lines.filter((line) => line.type === 'row'), other: one('other'), total: one('total'), summary: one('summary') as unknown as QuerySummary };
  }
  return { rows: given.rows ?? [], other: given.other ?? null, total: given.total ?? null, summary: given.summary as QuerySummary };
}

export const numberOf = (row: QueryRow | null | undefined, metric: string): number | null => {
  const v = row?.[metric];
  return typeof v === 'number' ? v : null;
};

/** What a row stands for: `10.20.1.5 · 443`. */
export function nameOf(row: QueryRow, by: string[]): string {
  return by.length ? by.map((dim) => value(dim, row[dim] as string | number | null)).join(' · ') : 'all traffic';
}
