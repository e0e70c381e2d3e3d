// What the explorer shows stands in its address, whole, and comes back from it.
import { describe, expect, it } from 'vitest';
import { both, clause, exploreOf, FRESH, queryOf, stepFor, type Explore } from '../src/lib/address';
import { placeOf } from '../src/lib/search';

describe('the state of the explorer', () => {
  const STATES: Partial<Explore>[] = [
    {},
    { by: [], view: 'heat' },
    { by: ['src_ip', 'dst_port'], metrics: ['flows'], filter: 'dst port 443 and bytes > 1M', range: 'last 6h', top: 50 },
    { since: '2026-03-02T08:30:00Z', until: '2026-03-02T08:45:00Z', range: '', previous: true, order: 'flows:asc', every: '5m', view: 'sankey' },
  ];
  it.each(STATES)('%j survives its address', (state) => expect(exploreOf(queryOf(state))).toEqual({ ...FRESH, ...state }));

  it('an address that says nothing is the fresh state, and short', () => expect(queryOf(FRESH)).toBe(''));

  it('nonsense in an address is left out', () => expect(exploreOf('top=-3&view=pie&by=,,')).toEqual({ ...FRESH, by: [] }));

  it('as many rows as the server gives at most', () => expect(exploreOf('top=99999999').top).toBe(10_000));
});

describe('filters made by pressing something', () => {
  it.each([
    ['src_ip', '10.0.0.1', 'src host 10.0.0.1'],
    ['dst_port', 443, 'dst port 443'],
    ['dst_net24', '10.20.5.0/24', 'dst net 10.20.5.0/24'],
    ['src_as', 64500, 'src as 64500'],
    ['dst_country', 'SC', 'dst country SC'],
    ['protocol', 6, 'proto 6'],
    ['host', '10.0.0.1', 'host 10.0.0.1'],
    ['service', 53, 'port 53'],
    ['tcp_flags', 27, ''],
    ['src_ip', null, ''],
  ])('%s %s', (dim, value, wanted) => expect(clause(dim, value)).toBe(wanted));

  it('what is joined keeps its meaning', () => {
    expect(both('', 'dst port 443')).toBe('dst port 443');
    expect(both('any', 'dst port 443')).toBe('dst port 443');
    expect(both('port 80 or port 443', 'src host 10.0.0.1')).toBe('(port 80 or port 443) and src host 10.0.0.1');
  });
});

describe('where a search leads', () => {
  it.each([
    ['10.20.1.33', '/hosts?host=10.20.1.33'],
    ['2001:db8::1', '/hosts?host=2001%3Adb8%3A%3A1'],
    ['03b98a50ce929d3f', '/anomalies/03b98a50ce929d3f'],
    ['mail', '/hosts?search=mail'],
    ['severity >= high and rule scan', '/anomalies?state=all&filter=severity%20%3E%3D%20high%20and%20rule%20scan'],
    ['  ', null],
  ])('%s', (text, wanted) => expect(placeOf(text)).toBe(wanted));
});

it.each([
  [900, '10s'],
  [3600, '1m'],
  [21_600, '5m'],
  [86_400, '1h'],
  [604_800, '3h'],
])('%d seconds are shown in steps of %s', (length, step) => expect(stepFor(length)).toBe(step));
