// Rows of a query as CSV (RFC 4180), and files handed to the browser to keep.
import type { Query, QueryRow } from '../api/types';

/** One field, quoted where it must be. A leading `=` would be run as a formula by spreadsheets, so it gets a quote. */
export function field(value: unknown): string {
  if (value === null || value === undefined) return '';
  let text = String(value);
  if (typeof value === 'string' && /^[=+@\t-]/.test(text)) text = "'" + text;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The same columns as `tidemark query --format csv`: row, time of each step, dimensions, metrics, share. */
export function csvOf(query: Query): string {
  const { by, metrics, steps } = query.summary;
  const series = steps?.length ? steps : null;
  const head = ['row', ...(series ? ['time'] : []), ...by, ...metrics, ...(series ? [] : ['share'])];
  const lines = [head.join(',')];
  const put = (name: string, row: QueryRow) => {
    const keys = by.map((dim) => row[dim]);
    if (!series) lines.push([name, ...keys, ...metrics.map((m) => row[m]), row.share].map(field).join(','));
    series?.forEach((at, i) => {
      lines.push([name, at, ...keys, ...metrics.map((m) => row.series?.[m]?.[i])].map(field).join(','));
    });
  };
  query.rows.forEach((row) => put('row', row));
  if (query.other) put('other', query.other);
  if (query.total) put('total', query.total);
  return lines.join('\r\n') + '\r\n';
}

export function save(name: string, type: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
