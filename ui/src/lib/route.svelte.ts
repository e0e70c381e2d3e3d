// Where we are: the path and query of the address, and how to go elsewhere without loading the page anew.

class Route {
  path = $state(location.pathname);
  query = $state(location.search.slice(1));

  get parts(): string[] {
    return this.path.split('/').filter(Boolean).map(decodeURIComponent);
  }

  get params(): URLSearchParams {
    return new URLSearchParams(this.query);
  }

  read(): void {
    this.path = location.pathname;
    this.query = location.search.slice(1);
  }

  go(address: string, replace = false): void {
    const moved = new URL(address, location.href).pathname !== this.path;
    if (replace) history.replaceState(null, '', address);
    else history.pushState(null, '', address);
    this.read();
    if (!moved || replace) return;
    scrollTo(0, 0);
    // A reader of the screen is told of the new page by its heading; the keyboard goes on from there.
    requestAnimationFrame(() => document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true }));
  }

  /** Changes parts of the query and leaves the rest; empty values are taken out. */
  set(changes: Record<string, string | null>, replace = true): void {
    const params = this.params;
    for (const [key, value] of Object.entries(changes)) {
      if (value) params.set(key, value);
      else params.delete(key);
    }
    const text = params.toString();
    this.go(this.path + (text ? '?' + text : ''), replace);
  }
}

export const route = new Route();

addEventListener('popstate', () => route.read());

// Links of the page itself change the address only; those elsewhere, downloads and new tabs are the browser's.
document.addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest?.('a');
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (/^\/(api|share|openapi|metrics|healthz)\b/.test(link.pathname)) return;
  if (link.hash && link.pathname === location.pathname && link.search === location.search) return;
  event.preventDefault();
  route.go(link.pathname + link.search + link.hash);
});
