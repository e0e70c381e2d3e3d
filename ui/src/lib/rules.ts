// Small sums over what a rule did.
import type { Rule } from '../api/types';
import { VERDICTS } from './words';

export function heldSum(held: Rule['held']): number {
  if (typeof held === 'number') return held;
  return Object.values(held ?? {}).reduce((sum, n) => sum + n, 0);
}

/** `2 attack, 1 false`: what people said, only what was said. */
export function verdictSum(verdicts: Rule['verdicts']): string {
  const said = (verdicts ?? {}) as Record<string, number | undefined>;
  const parts = VERDICTS.map((v) => ({ v, n: said[v.word] ?? said[v.word.replace('-', '_')] ?? 0 })).filter((p) => p.n > 0);
  return parts.map((p) => `${p.n} ${p.v.name.toLowerCase()}`).join(', ');
}
