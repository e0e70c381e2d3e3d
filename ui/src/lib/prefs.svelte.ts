// What the viewer chose for this browser: theme, time zone, bits or bytes; kept where the browser allows it.
import type { Zone } from './time';

export type Theme = 'system' | 'light' | 'dark';

function kept(key: string): string | null {
  try {
    return localStorage.getItem('tidemark.' + key);
  } catch {
    return null;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem('tidemark.' + key, value);
  } catch {
    /* Then it holds until the page is closed. */
  }
}

const darkSystem = matchMedia('(prefers-color-scheme: dark)');

class Prefs {
  theme = $state<Theme>((['light', 'dark'] as const).find((t) => t === kept('theme')) ?? 'system');
  zone = $state<Zone>(kept('zone') === 'utc' ? 'utc' : 'local');
  bits = $state(kept('bits') === 'true');
  systemDark = $state(darkSystem.matches);

  get dark(): boolean {
    return this.theme === 'dark' || (this.theme === 'system' && this.systemDark);
  }

  setTheme(theme: Theme): void {
    this.theme = theme;
    keep('theme', theme);
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }

  setZone(zone: Zone): void {
    this.zone = zone;
    keep('zone', zone);
  }

  setBits(bits: boolean): void {
    this.bits = bits;
    keep('bits', String(bits));
  }
}

export const prefs = new Prefs();
darkSystem.addEventListener('change', (event) => (prefs.systemDark = event.matches));
