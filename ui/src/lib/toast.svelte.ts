// Short words about what has just been done or refused; read aloud, and gone by themselves.
import { asFault } from '../api/client';

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

let next = 1;
export const toasts = $state<Toast[]>([]);

export function drop(id: number): void {
  const at = toasts.findIndex((t) => t.id === id);
  if (at >= 0) toasts.splice(at, 1);
}

export function say(text: string, bad = false): void {
  const id = next++;
  toasts.push({ id, text, bad });
  if (toasts.length > 4) toasts.shift();
  setTimeout(() => drop(id), bad ? 12_000 : 5000);
}

/** Does something and says what came of it; true when it was done. */
export async function attempt(what: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await what();
    if (done) say(done);
    return true;
  } catch (error) {
    say(asFault(error).message, true);
    return false;
  }
}
