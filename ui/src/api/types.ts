// The words of the API, in one place; they are those of `tidemark replay --format json` and of the command line.

/** What names of users, tokens and links are made of, as the server checks it. */
export const NAME = '[\\p{L}\\p{N}._@+\\-]+';

export type Severity = 'critical' | 'high' | 'low';
export type VerdictWord = 'attack' | 'false' | 'expected' | 'new-normal';
export type Role = 'viewer' | 'analyst' | 'admin';
export type Scalar = string | number | boolean | null;
export type Entity = Record<string, Scalar>;

/** A list as every route answers it; `next` is handed back as `cursor`. */
export interface List<T> {
  items: T[];
  next: string | null;
  total?: number;
}

export interface Place {
  start: number;
  end: number;
}

export interface Fault {
  code: string;
  message: string;
  field?: string;
  at?: Place;
}

export interface Session {
  user: string | null;
  role: Role | null;
  open: boolean;
  csrf: string | null;
  methods: string[];
}

export interface Problem {
  severity: string;
  text: string;
}

export interface Verdicts {
  attack: number;
  false: number;
  expected: number;
  new_normal: number;
}

export interface Budget {
  promised_per_day?: number;
  used_per_day?: number;
  promised?: number;
  fired?: number;
  days?: number;
  verdicts?: Partial<Verdicts>;
  rules?: { rule: string; promised: number; cost: number; fired: number; verdicts?: Partial<Verdicts> }[];
}

export interface Status {
  version: string;
  /** Whether a replay that is over is shown; then `now` is its end. */
  replay?: boolean;
  now: string;
  started_at: string;
  state: 'ok' | 'warning' | 'critical';
  problems: Problem[];
  counters: Record<string, number>;
  memory: { used: number; limit: number };
  open: { critical: number; high: number; low: number };
  exporters: number;
  blind: string[];
  budget: Budget;
}

export interface BandPoint {
  at: string;
  observed: number | null;
  expected: number | null;
  lower: number | null;
  upper: number | null;
}

export interface TopEntity {
  entity: Entity;
  rule: string;
  metric: string;
  observed: number;
  expected: number;
  score: number;
  anomaly?: string | null;
  unit?: string;
}

export interface Tipping {
  name: string;
  share: number;
  then: string;
}

export interface Overview {
  step_s: number;
  reading?: boolean;
  traffic_note?: string;
  traffic: { bytes: BandPoint[]; packets: BandPoint[]; flows: BandPoint[]; provisional: boolean };
  incidents: Incident[];
  top: TopEntity[];
  exporters: ExporterBrief[];
  tipping: Tipping[];
  budget: Budget;
}

export interface ExporterBrief {
  address: string;
  name?: string | null;
  state: string;
  records_per_s?: number | null;
  lost?: number | null;
  last?: string | null;
}

export interface Contributor {
  value: Scalar;
  name?: string;
  observed: number | null;
  expected: number | null;
  share: number | null;
}

export interface Peer {
  address: string;
  name?: string;
  bytes: number;
}

export interface Profile {
  address: string;
  first_seen?: string | null;
  names: string[];
  services: string[];
  uses: string[];
  peers: Peer[];
  questions: string[];
}

export interface Signed {
  by: string;
  at: string;
  note?: string | null;
}

export interface Said {
  verdict: VerdictWord;
  until?: string | null;
  why?: string | null;
  by: string;
  at: string;
}

/** The present state of an anomaly, made of its history alone. */
export interface Life {
  open: boolean;
  severity: Severity;
  acknowledged?: Signed | null;
  assignee?: string | null;
  comments?: number;
  reopened?: number;
  escalated?: number;
  verdict?: Said | null;
  silenced?: number | string | null;
  changed?: number;
}

export interface Anomaly {
  id: string;
  rule: string;
  kind: string;
  severity: Severity;
  entity: Entity;
  metric: string;
  direction: string;
  observed: number | null;
  expected: number | null;
  lower: number | null;
  upper: number | null;
  unit: string;
  score: number | null;
  started_at: string;
  detected_at: string;
  escalated_at?: string;
  ended_at: string | null;
  incident: string;
  contributors: Record<string, Contributor[]>;
  data_quality: { grade: string; notes?: string[] };
  text: string;
  reproduce: string;
  headline: boolean;
  shadow?: boolean;
  technique?: string;
  next?: string[];
  false_causes?: string[];
  detail?: string;
  profiles?: Profile[];
  interval_seconds: number;
  history?: BandPoint[];
  life?: Life;
  related?: Brief[];
  /** What followed from a verdict. */
  measures?: Measure[];
  explorer?: { filter: string; since: string; until: string };
}

/** An anomaly in few words, as lists name it. */
export type Brief = Pick<Anomaly, 'id' | 'rule' | 'kind' | 'severity' | 'entity' | 'metric' | 'text' | 'started_at' | 'ended_at' | 'life'> & Partial<Anomaly>;

export interface Incident {
  id: string;
  headline: Brief | null;
  severity: Severity;
  started_at: string;
  ended_at: string | null;
  anomalies: number;
  open: number;
  rules: string[];
  entities: Entity[];
  acknowledged: number;
  silenced: number;
  /** Of all its anomalies. */
  ids: string[];
  items?: Anomaly[];
}

export type Act =
  | { act: 'acknowledged'; note?: string }
  | { act: 'unacknowledged' }
  | { act: 'assigned'; to: string | null }
  | { act: 'commented'; text: string }
  | { act: 'judged'; verdict: VerdictWord; until?: string; why?: string }
  | { act: 'retracted' };

export interface Entry {
  seq: number;
  at: string;
  by: string;
  anomaly: string;
  act: string;
  [key: string]: unknown;
}

export interface Silence {
  id: number;
  filter: string;
  until: string;
  by: string;
  why: string;
  made_at: string;
  ended_at?: string | null;
  held: number;
  active: boolean;
}

/** Something that steers the detector, because of a verdict or because it is allowed. */
export interface Measure {
  id: number;
  kind: string;
  /** Its scope, in words. */
  text: string;
  scope: { filter?: string; name?: string; rules?: string[] };
  until: string | null;
  by: string;
  why: string | null;
  made_at: string;
  ended_at: string | null;
  anomaly: string | null;
  held: number;
  active: boolean;
  effect?: { last: string | null; before: number | null; after: number | null };
}

export type QueryRow = Record<string, unknown> & {
  share?: number | null;
  previous?: Record<string, number | null>;
  change?: Record<string, number | null>;
  series?: Record<string, (number | null)[]>;
};

export interface QuerySummary {
  by: string[];
  metrics: string[];
  order: string;
  filter: string;
  since: string | null;
  until: string | null;
  every_seconds?: number | null;
  steps?: string[];
  previous_since?: string | null;
  groups: number;
  rows: number;
  flows_read: number;
  flows_passed: number;
  groups_given_up?: number;
}

export interface Query {
  rows: QueryRow[];
  other?: QueryRow | null;
  total?: QueryRow | null;
  summary: QuerySummary;
}

export interface Flow {
  start: string;
  end: string;
  src_ip: string;
  dst_ip: string;
  src_port: number;
  dst_port: number;
  protocol: number;
  packets: number;
  bytes: number;
  handshake?: string;
  exporter?: string | null;
  [key: string]: unknown;
}

export interface Completion {
  text: string;
  detail?: string;
  /** What of the text it takes the place of, in octets. */
  replace?: Place;
}

export interface FilterAnswer {
  ok: boolean;
  error?: Fault & { start?: number; end?: number };
  completions: Completion[];
}

export interface HostBrief {
  address: string;
  name?: string | null;
  first_seen?: string | null;
}

export interface HourBand {
  expected: number | null;
  lower: number | null;
  upper: number | null;
}

export interface Host extends Profile {
  interval_s?: number;
  baselines?: { rule: string; rules?: string[]; view?: string; ready?: boolean; metric: string; by_hour: (HourBand | null)[] }[];
  anomalies?: Anomaly[];
}

export interface Exporter extends ExporterBrief {
  templates?: number | null;
  sampling?: number | null;
  records?: number | null;
  /** Records that came when part of their time was judged already. */
  late?: number | null;
  /** Sets given up because their Template never came. */
  gaps?: number | null;
  loss?: number | null;
  faults?: number | null;
  restarts?: number | null;
  clock_offset_s?: number | null;
  lateness_s?: number | null;
  first?: string | null;
  notes?: string[];
  [key: string]: unknown;
}

export interface Rule {
  name: string;
  kind?: string | null;
  severity: Severity;
  text?: string;
  filter?: string | null;
  dimensions?: string[];
  metric?: string | null;
  test?: string;
  fired: number;
  shadowed?: number;
  open: number;
  days?: number;
  series?: number;
  noise?: number | null;
  promised_per_day?: number | null;
  budget_share?: number | null;
  shadow?: boolean;
  held?: Record<string, number> | number | null;
  verdicts?: Partial<Verdicts>;
  next?: string[];
  false_causes?: string[];
  technique?: string | null;
}

export interface Backtest {
  appear: Anomaly[];
  vanish: Anomaly[];
  both: number;
}

export interface User {
  name: string;
  role: Role;
  made_at?: string;
}

/** A token of a program, or a link that shares the view. */
export interface Token {
  id: number;
  name: string;
  role: Role;
  made_by: string;
  made_at: string;
  expires_at: string | null;
  /** Told once, when it is made. */
  secret?: string;
}

export interface Audit {
  seq: number;
  at: string;
  who: string;
  from: string;
  what: string;
  outcome: string;
}

export interface LiveEvent {
  id: string;
  what: string;
  life?: Life;
}
