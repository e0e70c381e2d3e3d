// What dimensions, kinds, entities and verdicts are called: the same words as in the terminal's report.
import type { Anomaly, Entity, Scalar, Severity, VerdictWord } from '../api/types';
import { isBytes, measure } from './format';

const DIMENSIONS: Record<string, string> = {
  src_ip: 'source', dst_ip: 'destination', host: 'host', src_net24: 'source network', src_net16: 'wide source network',
  dst_net24: 'destination network', dst_net16: 'wide destination network', src_as: 'source AS', dst_as: 'destination AS',
  src_country: 'source country', dst_country: 'destination country', dst_port: 'port', src_port: 'source port',
  protocol: 'protocol', exporter: 'exporter', service: 'service port', in_if: 'input interface', out_if: 'output interface',
  ip: 'address', port: 'port, either side', as: 'AS, either side', country: 'country, either side',
};

const METRICS: Record<string, string> = {
  syn_only: 'SYNs without answer', failed: 'failed contacts', unsolicited: 'unasked answers', bps: 'bit rate',
  pps: 'packet rate', fps: 'flow rate', bpp: 'bytes per packet', duration: 'mean duration',
};

const KINDS: Record<string, string> = {
  'syn-flood': 'SYN flood', 'udp-flood': 'UDP flood', 'icmp-flood': 'ICMP flood', 'scan-horizontal': 'Horizontal scan',
  'scan-vertical': 'Vertical scan', 'scan-block': 'Block scan', 'scan-slow': 'Slow scan', 'fan-in': 'Fan-in', 'dns-tunnel': 'DNS tunnel',
};

const PROTOCOLS: Record<number, string> = {
  1: 'ICMP', 2: 'IGMP', 6: 'TCP', 17: 'UDP', 47: 'GRE', 50: 'ESP', 58: 'ICMP6', 89: 'OSPF', 132: 'SCTP',
};

export const VERDICTS: { word: VerdictWord; name: string; means: string }[] = [
  { word: 'attack', name: 'Attack', means: 'It was real. The rule is right to say so again.' },
  { word: 'false', name: 'False alarm', means: 'Nothing was wrong. It counts against the rule’s budget.' },
  { word: 'expected', name: 'Expected', means: 'Known and planned. It is excused until the time you give.' },
  { word: 'new-normal', name: 'New normal', means: 'This level stays. The baseline takes it over now.' },
];

/** What measures do, in words. */
export const MEASURES: Record<string, string> = { excuse: 'Opens nothing', raise: 'Takes more to open', accept: 'Taken over as usual' };

export const SEVERITIES: Severity[] = ['critical', 'high', 'low'];
const RANK: Record<string, number> = { critical: 0, high: 1, low: 2 };
export const rank = (severity: string) => RANK[severity] ?? 3;

export const dimension = (name: string) => DIMENSIONS[name] ?? name.replaceAll('_', ' ');
export const metricName = (name: string) => METRICS[name] ?? name.replaceAll('_', ' ');
export const verdictName = (word: string) => VERDICTS.find((v) => v.word === word.replace('_', '-'))?.name ?? word;

/** As the beginning of a sentence or a heading. */
export const sentence = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);

export const kindName = (kind: string) => sentence(KINDS[kind] ?? kind.replaceAll('-', ' '));

export const protocol = (number: number) => PROTOCOLS[number] ?? String(number);

/** A value as it is called in its dimension: `AS64500`, `443`, `UDP`. */
export function value(dim: string, of: Scalar): string {
  if (of === null || of === '') return 'unknown';
  if (dim.endsWith('as') && typeof of === 'number') return of === 0 ? 'unknown AS' : `AS${of}`;
  if (dim === 'protocol' && typeof of === 'number') return protocol(of);
  return String(of);
}

function before(dim: string): string {
  if (dim === 'dst_port') return 'port ';
  if (dim === 'src_port') return 'from port ';
  if (dim.startsWith('src_')) return 'from ';
  if (dim.startsWith('dst_')) return 'to ';
  return dim + ' ';
}

/** Where: `to 10.20.0.14, port 14999`. */
export function entity(of: Entity | string): string {
  if (typeof of === 'string') return of || 'all traffic';
  const parts = Object.entries(of).map(([dim, v]) => before(dim) + value(dim, v));
  return parts.length ? parts.join(', ') : 'all traffic';
}

/** The value of an anomaly with its unit, and the interval it is counted over. */
export function amount(of: Pick<Anomaly, 'metric' | 'unit'>, number: number | null): string {
  return measure(isBytes(of.metric) || of.unit.startsWith('bytes') ? 'bytes' : 'count', number);
}

/** Against what it was measured: a limit somebody set, the usual band, or evidence alone, which has no level. */
export function yardstick(of: Pick<Anomaly, 'expected' | 'lower' | 'upper'>): 'limit' | 'band' | 'evidence' {
  const { expected, lower, upper } = of;
  if (!expected && !lower && !upper) return 'evidence';
  return expected !== null && upper !== null && upper < expected ? 'limit' : 'band';
}

/** `bytes per min`, `sources per min`: what the axis of an anomaly counts. */
export function unitWords(of: Pick<Anomaly, 'metric' | 'unit'>): string {
  const [noun, over] = of.unit.split(' per ');
  const seconds = over ? Number.parseFloat(over) : Number.NaN;
  const name = noun === of.metric ? metricName(of.metric) : (noun ?? of.metric);
  if (!over) return name;
  if (!Number.isFinite(seconds)) return `${name} per ${over}`;
  const per = seconds === 60 ? 'min' : seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
  return `${name} per ${per}`;
}

/** The addresses that an entity names, for links to hosts. */
export function hostsOf(of: Entity): string[] {
  return ['host', 'dst_ip', 'src_ip'].map((dim) => of[dim]).filter((v): v is string => typeof v === 'string');
}

/** What an entry of a history says, in a sentence without its subject. */
export function actWords(act: { act: string; [key: string]: unknown }): string {
  const text = (key: string) => (typeof act[key] === 'string' && act[key] ? String(act[key]) : '');
  switch (act.act) {
    case 'opened': return `found it, ${text('severity')}`;
    case 'updated': return 'saw it change';
    case 'escalated': return `raised it to ${text('severity')}`;
    case 'closed': return 'saw it end';
    case 'reopened': return 'saw it come back';
    case 'acknowledged': return 'acknowledged it' + (text('note') ? `: ${text('note')}` : '');
    case 'unacknowledged': return 'took the acknowledgement back';
    case 'assigned': return text('to') ? `assigned it to ${text('to')}` : 'assigned it to nobody';
    case 'commented': return 'commented';
    case 'judged': return `said it was: ${verdictName(text('verdict')).toLowerCase()}` + (text('why') ? ` – ${text('why')}` : '');
    case 'retracted': return 'took the verdict back';
    default: return act.act;
  }
}
