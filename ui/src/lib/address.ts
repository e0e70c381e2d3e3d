// The explorer's whole state as the query of an address and back: what is shown can be sent to somebody.

export const VIEWS = ['table', 'stacked', 'lines', 'sankey', 'heat'] as const;
export type View = (typeof VIEWS)[number];

export interface Explore {
  by: string[];
  metrics: string[];
  filter: string;
  /** Words (`last 6h`), or empty where since and until say it. */
  range: string;
  since: string;
  until: string;
  every: string;
  top: number;
  order: string;
  previous: boolean;
  view: View;
}

export const FRESH: Explore = {
  by: ['src_ip'], metrics: ['bytes', 'packets', 'flows'], filter: '', range: 'last 1h', since: '', until: '',
  every: '', top: 10, order: '', previous: false, view: 'stacked',
};

const list = (text: string | null) => (text ?? '').split(',').map((t) => t.trim()).filter(Boolean);

/** Reads a state from the query of an address; what it does not say is as in `FRESH`, what is nonsense is left out. */
export function exploreOf(query: string): Explore {
  const given = new URLSearchParams(query);
  const fixed = given.get('since') ?? '';
  const view = VIEWS.find((v) => v === given.get('view')) ?? FRESH.view;
  const top = Number.parseInt(given.get('top') ?? '', 10);
  const by = given.has('by') ? list(given.get('by')).filter((d) => d !== 'all').slice(0, 8) : FRESH.by;
  const metrics = list(given.get('metrics'));
  return {
    by,
    metrics: metrics.length ? metrics : FRESH.metrics,
    filter: given.get('filter') ?? '',
    range: fixed ? '' : (given.get('range') ?? FRESH.range),
    since: fixed,
    until: given.get('until') ?? '',
    every: given.get('every') ?? '',
    top: top > 0 ? Math.min(top, 10_000) : FRESH.top,
    order: given.get('order') ?? '',
    previous: given.get('previous') === 'true',
    view,
  };
}

/** Writes a state as the query of an address; what is as in `FRESH` is left out, so that addresses stay short. */
export function queryOf(state: Partial<Explore>): string {
  const all = { ...FRESH, ...state };
  const out = new URLSearchParams();
  const put = (key: string, value: string, fresh: string) => {
    if (value !== fresh) out.set(key, value);
  };
  put('by', all.by.join(',') || 'all', FRESH.by.join(','));
  put('metrics', all.metrics.join(','), FRESH.metrics.join(','));
  put('filter', all.filter, '');
  if (all.since) {
    out.set('since', all.since);
    put('until', all.until, '');
  } else put('range', all.range, FRESH.range);
  put('every', all.every, '');
  put('top', String(all.top), String(FRESH.top));
  put('order', all.order, '');
  put('previous', String(all.previous), 'false');
  put('view', all.view, FRESH.view);
  // Commas and colons may stand in a query as they are; people read these addresses.
  return out.toString().replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%2F', '/');
}

export const exploreAddress = (state: Partial<Explore>) => {
  const query = queryOf(state);
  return '/explorer' + (query ? '?' + query : '');
};

/** A step that gives a readable number of columns over so many seconds, as the API takes it. */
export function stepFor(seconds: number, columns = 90): string {
  const steps = [10, 60, 300, 900, 3600, 10_800, 21_600, 86_400];
  const step = steps.find((s) => seconds / s <= columns) ?? 86_400;
  return step % 86_400 === 0 ? `${step / 86_400}d` : step % 3600 === 0 ? `${step / 3600}h` : step % 60 === 0 ? `${step / 60}m` : `${step}s`;
}

/** A filter that picks one value of a dimension; nothing where the language has no word for it. */
export function clause(dim: string, of: unknown): string {
  const v = String(of);
  if (of === null || of === undefined || v === '') return '';
  const side = dim.startsWith('src_') ? 'src ' : dim.startsWith('dst_') ? 'dst ' : '';
  const field = dim.replace(/^(src|dst)_/, '');
  if (field === 'ip' || field === 'host') return `${side}host ${v}`;
  if (field.startsWith('net')) return `${side}net ${v}`;
  if (field === 'port' || field === 'as' || field === 'country') return `${side}${field} ${v}`;
  if (field === 'service') return `port ${v}`;
  if (field === 'protocol') return `proto ${v}`;
  if (field === 'exporter') return `exporter ${v}`;
  if (field === 'in_if' || field === 'out_if') return `${field} ${v}`;
  if (field === 'vlan') return `vlan ${v}`;
  return '';
}

/** Both filters must hold. */
export function both(a: string, b: string): string {
  const wrap = (t: string) => (/\bor\b|\|\|/.test(t) ? `(${t})` : t);
  if (!a.trim() || a.trim() === 'any') return b;
  return b ? `${wrap(a)} and ${wrap(b)}` : a;
}
