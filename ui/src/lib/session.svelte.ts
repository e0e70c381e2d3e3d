// Who is looking, and what they may do; asked of the server, which decides again at every request.
import { asFault, del, get, post, Refused, setCsrf, whenExpired } from '../api/client';
import type { Fault, Role, Session } from '../api/types';
import { back } from './back';
import { route } from './route.svelte';

const RANK: Record<Role, number> = { viewer: 0, analyst: 1, admin: 2 };

class Who {
  session = $state.raw<Session | null>(null);
  methods = $state.raw<string[]>(['password']);
  /** `asking` until the server has said who we are. */
  phase = $state<'asking' | 'in' | 'out' | 'expired' | 'away'>('asking');

  may(role: Role): boolean {
    return Boolean(this.session?.role && RANK[this.session.role] >= RANK[role]);
  }

  private take(session: Session): void {
    this.methods = session.methods ?? ['password'];
    setCsrf(session.csrf ?? '');
    if (!session.role) {
      this.session = null;
      this.phase = 'out';
      return;
    }
    const there = back();
    if (there) route.go(there, true);
    this.session = session;
    this.phase = 'in';
  }

  async ask(): Promise<void> {
    try {
      this.take(await get<Session>('/session'));
    } catch (error) {
      const status = error instanceof Refused ? error.status : 0;
      this.session = null;
      this.phase = status === 401 || status === 403 ? 'out' : 'away';
      if (this.phase === 'away') setTimeout(() => void this.ask(), 3000);
    }
  }

  /** What was wrong, or null when we are in. */
  async logIn(user: string, password: string): Promise<Fault | null> {
    try {
      const answer = await post<Session | undefined>('/session', { user, password });
      if (answer?.role) this.take(answer);
      else await this.ask();
      return null;
    } catch (error) {
      return asFault(error);
    }
  }

  async logOut(): Promise<void> {
    try {
      await del('/session');
    } finally {
      this.session = null;
      this.phase = 'out';
    }
  }
}

export const who = new Who();

whenExpired(() => {
  if (who.phase === 'in') {
    who.session = null;
    who.phase = 'expired';
  }
});
