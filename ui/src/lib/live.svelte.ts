// What the server tells by itself: its state every few seconds, and that an anomaly has changed.
import { untrack } from 'svelte';
import { get } from '../api/client';
import type { LiveEvent, Status } from '../api/types';
import { who } from './session.svelte';

class Live {
  status = $state.raw<Status | null>(null);
  /** Grows whenever an anomaly has changed; what reads it is loaded anew. */
  tick = $state(0);
  connected = $state(false);
  now = $state.raw(new Date());
  last = $state.raw<LiveEvent | null>(null);
  private source: EventSource | null = null;
  private pending: ReturnType<typeof setTimeout> | undefined;

  start(): void {
    if (this.source) return;
    void this.refresh();
    // Said to be connected until it is known not to be: the first event may take seconds.
    this.connected = true;
    const source = new EventSource('/api/v1/events');
    this.source = source;
    source.addEventListener('open', () => {
      // What happened before we listened is not told again, so everything is asked for once more.
      this.changed();
      this.connected = true;
    });
    source.addEventListener('error', () => {
      this.connected = false;
      if (source.readyState !== EventSource.CLOSED) return;
      this.stop();
      setTimeout(() => void who.ask().then(() => who.phase === 'in' && this.start()), 3000);
    });
    source.addEventListener('status', (event) => {
      this.took(JSON.parse((event as MessageEvent<string>).data) as Status);
    });
    source.addEventListener('missed', () => this.changed());
    source.addEventListener('anomaly', (event) => {
      this.last = JSON.parse((event as MessageEvent<string>).data) as LiveEvent;
      this.changed();
    });
  }

  stop(): void {
    this.source?.close();
    this.source = null;
    this.connected = false;
  }

  /** Many changes at once are one. */
  changed(): void {
    clearTimeout(this.pending);
    this.pending = setTimeout(() => (this.tick += 1), 250);
  }

  private took(status: Status): void {
    this.status = status;
    if (status.replay) this.now = new Date(status.now);
  }

  /** The present: by the clock, or the end of what was replayed. Reading it depends on nothing. */
  present(): Date {
    return untrack(() => (this.status?.replay ? new Date(this.status.now) : new Date()));
  }

  async refresh(): Promise<void> {
    try {
      this.took(await get<Status>('/status'));
    } catch {
      /* The next event brings it; who we are is found out elsewhere. */
    }
  }
}

export const live = new Live();
setInterval(() => (live.now = live.present()), 5000);
