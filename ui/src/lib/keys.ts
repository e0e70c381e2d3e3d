// Keys for the whole page: search, help, going places, and walking through lists.
import { route } from './route.svelte';

const PLACES: Record<string, string> = { o: '/', a: '/anomalies', e: '/explorer', h: '/hosts', x: '/exporters', r: '/rules', m: '/measures', s: '/settings' };
let went = 0;

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Moves the focus through everything on show that is marked as an item. */
function walk(step: number): void {
  const items = [...document.querySelectorAll<HTMLElement>('main [data-item]')].filter((item) => item.offsetParent !== null);
  if (!items.length) return;
  const at = items.findIndex((item) => item === document.activeElement || item.contains(document.activeElement));
  const next = at < 0 ? (step > 0 ? 0 : items.length - 1) : Math.min(items.length - 1, Math.max(0, at + step));
  items[next]?.focus();
  items[next]?.scrollIntoView({ block: 'nearest' });
}

/** Handles one key; `help` shows the list of keys. */
export function pressed(event: KeyboardEvent, help: () => void): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector('dialog[open]')) return;
  const place = PLACES[event.key];
  if (Date.now() - went < 1200 && place) {
    went = 0;
    event.preventDefault();
    event.stopImmediatePropagation();
    route.go(place);
    return;
  }
  went = 0;
  if (event.key === 'g') went = Date.now();
  else if (event.key === 'j') walk(1);
  else if (event.key === 'k') walk(-1);
  else if (event.key === '?') help();
  else if (event.key === '/') document.getElementById('search')?.focus();
  else return;
  event.preventDefault();
}

/** A key of one page; off while somebody types or a question is open. */
export function onKey(key: string, then: (event: KeyboardEvent) => void): () => void {
  const listen = (event: KeyboardEvent) => {
    if (event.key !== key || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target) || document.querySelector('dialog[open]')) return;
    event.preventDefault();
    then(event);
  };
  addEventListener('keydown', listen);
  return () => removeEventListener('keydown', listen);
}
