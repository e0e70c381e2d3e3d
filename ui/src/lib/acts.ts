// What a person does to anomalies: one request, one sentence about it, and everything on show is asked for anew.
import { post } from '../api/client';
import type { Act, Entry } from '../api/types';
import { live } from './live.svelte';
import { attempt } from './toast.svelte';
import { verdictName } from './words';

function done(act: Act, n: number): string {
  const what = n === 1 ? 'The anomaly' : `${n} anomalies`;
  switch (act.act) {
    case 'acknowledged': return `${what} acknowledged.`;
    case 'unacknowledged': return 'Acknowledgement taken back.';
    case 'assigned': return act.to ? `Assigned to ${act.to}.` : 'Assigned to nobody.';
    case 'commented': return 'Comment added.';
    case 'judged': return `Verdict recorded: ${verdictName(act.verdict).toLowerCase()}.`;
    case 'retracted': return 'Verdict taken back.';
  }
}

export async function act(ids: string[], what: Act): Promise<boolean> {
  if (!ids.length) return false;
  const ok = await attempt(() => post<{ entries: Entry[] }>('/acts', { ids, act: what }), done(what, ids.length));
  if (ok) live.changed();
  return ok;
}

/** Copies text; where the browser forbids it, a hidden field and the old command do. */
export async function copy(text: string, done: string): Promise<void> {
  await attempt(async () => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const field = document.createElement('textarea');
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }, done);
}
