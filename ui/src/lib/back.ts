// Where somebody wanted to go before they were sent elsewhere to log in; kept by the tab, which the way there and back does not close.
const KEY = 'tidemark-back';

/** Notes where we are, before a provider of identities is asked. */
export function leave(): void {
  sessionStorage.setItem(KEY, location.pathname + location.search);
}

/** Where we were before, told once; null where nobody left, or the address already says where to go. */
export function back(): string | null {
  const there = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  return location.pathname === '/' ? there : null;
}
