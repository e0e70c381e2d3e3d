// The pure parts of the page: completion, downloads, diagrams, words.
import { unpointed } from '../src/api/client';
import { describe, expect, it } from 'vitest';
import { queryOfAnswer } from '../src/lib/answer';
import { charAt, completed, errorOf, octetAt, split } from '../src/lib/complete';
import { csvOf, field } from '../src/lib/csv';
import { layout } from '../src/lib/flowmap';
import { week } from '../src/lib/heat';
import { piled } from '../src/lib/plot';
import { actWords, entity, kindName, unitWords, yardstick } from '../src/lib/words';

describe('completing a filter', () => {
  it('the word being typed is replaced, and a blank follows', () => expect(completed('dst po', 6, 'port')).toEqual(['dst port ', 9]));
  it('what the server says is replaced', () => expect(completed('dst po 443', 6, 'port', { start: 4, end: 6 })).toEqual(['dst port 443', 8]));
  it('after a blank it stands beside', () => expect(completed('dst ', 4, 'port')).toEqual(['dst port ', 9]));
  it('offsets in octets are offsets in characters', () => {
    expect(charAt('größe prot', 8)).toBe(6);
    expect(octetAt('größe prot', 6)).toBe(8);
  });
  it('an error at the end is shown at the last character', () => {
    const answer = { ok: false, completions: [], error: { code: '', message: 'ends too early', at: { start: 4, end: 4 } } };
    expect(errorOf(answer, 'dst ')?.at).toEqual({ start: 3, end: 4 });
    expect(split('dst ', { start: 3, end: 4 })).toEqual(['dst', ' ', '']);
  });
});

describe('an answer to keep', () => {
  const summary = { by: ['src_ip'], metrics: ['bytes'], order: 'bytes', filter: 'any', since: null, until: null, groups: 2, rows: 1, flows_read: 9, flows_passed: 9 };
  const row = { src_ip: '10.0.0.1', bytes: 5, share: 0.5 };
  const total = { bytes: 10, share: 1 };

  it('lines of the command line and the object of the API are the same answer', () => {
    const lines = [{ type: 'row', ...row }, { type: 'total', ...total }, { type: 'summary', ...summary }];
    expect(queryOfAnswer(lines).rows[0]).toMatchObject(row);
    expect(queryOfAnswer({ rows: [row], total, summary }).total).toEqual(total);
  });
  it('has a line each and the total', () => expect(csvOf({ rows: [row], total, summary })).toBe('row,src_ip,bytes,share\r\nrow,10.0.0.1,5,0.5\r\ntotal,,10,1\r\n'));
  it('over time it has a line for each step', () =>
    expect(csvOf({ rows: [{ ...row, series: { bytes: [2, 3] } }], summary: { ...summary, steps: ['a', 'b'] } })).toBe('row,time,src_ip,bytes\r\nrow,a,10.0.0.1,2\r\nrow,b,10.0.0.1,3\r\n'));
  it('what would break a table is quoted, and nothing runs as a formula', () => {
    expect(field('a,"b"')).toBe('"a,""b"""');
    expect(field('=1+1')).toBe("'=1+1");
    expect(field(-5)).toBe('-5');
  });
});

describe('diagrams', () => {
  const items = [
    { keys: ['a', 'x'], value: 3 },
    { keys: ['a', 'y'], value: 1 },
    { keys: ['b', 'x'], value: 4 },
  ];
  it('a column of a Sankey adds up, and ribbons are as broad as what leaves a node', () => {
    const { nodes, ribbons } = layout(items, 100, 100);
    for (const column of [0, 1]) expect(nodes.filter((n) => n.column === column).reduce((sum, n) => sum + n.value, 0)).toBe(8);
    const a = nodes.find((n) => n.name === 'a')!;
    const width = ribbons.filter((r) => r.from === a).reduce((sum, r) => sum + r.width, 0);
    expect(width).toBeCloseTo(a.height);
    expect(ribbons).toHaveLength(3);
  });
  it('nothing is drawn of nothing', () => expect(layout([], 100, 100).nodes).toEqual([]));
  it('areas lie on one another', () => expect(piled([[1, 2], [3, null]])).toEqual([[1, 2], [4, 2]]));
  it('hours of several weeks share a cell, as a mean', () => {
    const cells = week(['2026-03-02T08:00:00Z', '2026-03-09T08:00:00Z'], [10, 20], 'utc');
    expect(cells[0]![8]!.mean).toBe(15);
    expect(cells[0]![9]!.mean).toBeNull();
  });
});

describe('words are those of the report', () => {
  it('of an entity', () => {
    expect(entity({ dst_ip: '10.0.0.14', dst_port: 14_999 })).toBe('to 10.0.0.14, port 14999');
    expect(entity({})).toBe('all traffic');
    expect(entity({ src_as: 64_500 })).toBe('from AS64500');
  });
  it('of a kind and a unit', () => {
    expect(kindName('syn-flood')).toBe('SYN flood');
    expect(kindName('load-spike')).toBe('Load spike');
    expect(unitWords({ metric: 'syn_only', unit: 'syn_only per 60 s' })).toBe('SYNs without answer per min');
  });
  it('of what it was measured against', () => {
    expect(yardstick({ expected: 600, lower: 0, upper: 420 })).toBe('limit');
    expect(yardstick({ expected: 5, lower: 0, upper: 17 })).toBe('band');
    expect(yardstick({ expected: 0, lower: 0, upper: 0 })).toBe('evidence');
  });
  it('of an entry of a history', () => {
    expect(actWords({ act: 'judged', verdict: 'new-normal', why: 'moved' })).toBe('said it was: new normal – moved');
    expect(actWords({ act: 'assigned', to: null })).toBe('assigned it to nobody');
  });
});

describe('refusals', () => {
  it('point into a text only where it can be met', () => {
    expect(unpointed('`nonsense` is no dimension\n  nonsense/bytes\n  ^^^^^^^^')).toBe('`nonsense` is no dimension');
    expect(unpointed('not now: try again')).toBe('not now: try again');
    expect(unpointed('line 2: no such key\n2 | flor = 5\n  ^^^^\ndid you mean `floor`?')).toBe('line 2: no such key did you mean `floor`?');
  });
});
