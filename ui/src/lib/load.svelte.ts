// Something asked of the server that is asked again when what it depends on changes; old answers stay until new ones come.
import { aborted, asFault } from '../api/client';
import type { Fault } from '../api/types';

export interface Loaded<T> {
  readonly data: T | null;
  readonly fault: Fault | null;
  readonly busy: boolean;
  again(): void;
  put(data: T): void;
}

/** A server that does not answer is asked again after so many milliseconds. */
const AGAIN = 5000;

/** `ask` must read what it depends on before its first await. Returning null asks for nothing. */
export function load<T>(ask: (signal: AbortSignal) => Promise<T> | null): Loaded<T> {
  let data = $state.raw<T | null>(null);
  let fault = $state.raw<Fault | null>(null);
  let busy = $state(true);
  let round = $state(0);
  $effect(() => {
    void round;
    const stop = new AbortController();
    let later: ReturnType<typeof setTimeout> | undefined;
    const asked = ask(stop.signal);
    if (!asked) {
      busy = false;
      return;
    }
    busy = true;
    asked.then(
      (answer) => {
        if (stop.signal.aborted) return;
        data = answer;
        fault = null;
        busy = false;
      },
      (error: unknown) => {
        if (stop.signal.aborted || aborted(error)) return;
        fault = asFault(error);
        busy = false;
        if (fault.code === 'unreachable') later = setTimeout(() => (round += 1), AGAIN);
      },
    );
    return () => {
      clearTimeout(later);
      stop.abort();
    };
  });
  return {
    get data() { return data; },
    get fault() { return fault; },
    get busy() { return busy; },
    again: () => (round += 1),
    put: (answer: T) => (data = answer),
  };
}
