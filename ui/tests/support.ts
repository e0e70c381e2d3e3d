// What all tests share: who there is, the API as a program sees it, and a page that tells when something is wrong with it.
import { expect, test as base, type APIRequestContext, type Page } from '@playwright/test';
import { existsSync } from 'node:fs';

export type Person = 'ana' | 'kim' | 'vi';
export const URL_OF = process.env.TIDEMARK_URL ?? 'http://127.0.0.1:8088';
export const PASSWORD = process.env.TIDEMARK_PASSWORD ?? 'correct horse battery';
export const session = (person: Person) => `test-results/${person}.json`;

export interface Found {
  id: string;
  kind: string;
  entity: Record<string, unknown>;
}

/** A test whose page must not fail in words of its own: no error in its console, no request to another machine. */
export const test = base.extend<{ quiet: void }>({
  quiet: [
    async ({ page }, use) => {
      const wrong: string[] = [];
      const mine = new URL(URL_OF).host;
      page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
      page.on('console', (message) => {
        // A refusal that a test asks for is told by the browser too.
        if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) wrong.push(message.text());
      });
      page.on('request', (request) => {
        const url = new URL(request.url());
        if (/^https?:$/.test(url.protocol) && url.host !== mine) wrong.push(`asked ${request.url()}`);
      });
      await use();
      expect(wrong).toEqual([]);
    },
    { auto: true },
  ],
});

/** Starts each test of a file as somebody; as nobody where no sessions are kept, for a server without users. */
export function as(person: Person): void {
  test.use({ storageState: async ({}, use) => use(existsSync(session(person)) ? session(person) : { cookies: [], origins: [] }) });
}

/** Nobody's session, where a test is somebody else's. */
export const NOBODY = { storageState: { cookies: [], origins: [] } };

export async function get<T>(api: APIRequestContext, path: string): Promise<T> {
  const answer = await api.get('/api/v1' + path);
  expect(answer.status(), `${path}: ${await answer.text()}`).toBe(200);
  return (await answer.json()) as T;
}

/** The four incidents: what each is called, and where it happens. */
export const FOUR = {
  'rate-limit': '203.0.113.10',
  'load-spike': '10.20.10.80',
  'fan-in': '10.20.10.40',
  stranger: '10.20.99.77',
} as const;

/** The anomaly that stands for one of the four incidents. */
export async function anomaly(api: APIRequestContext, kind: keyof typeof FOUR): Promise<Found> {
  const { items } = await get<{ items: Found[] }>(api, '/anomalies?state=all&limit=1000');
  const found = items.find((a) => a.kind === kind && Object.values(a.entity).includes(FOUR[kind]));
  if (!found) throw new Error(`no ${kind} at ${FOUR[kind]} among ${items.map((a) => a.kind).join(', ')}`);
  return found;
}

export async function csrf(api: APIRequestContext): Promise<Record<string, string>> {
  const who = await get<{ csrf: string | null }>(api, '/session');
  return who.csrf ? { 'x-csrf-token': who.csrf } : {};
}

/** Takes back what was decided about an anomaly, so that a test finds it as nobody has touched it yet. */
export async function untouched(api: APIRequestContext, id: string): Promise<void> {
  const { life } = await get<{ life?: { acknowledged: object | null; verdict: object | null } }>(api, `/anomalies/${id}`);
  const headers = await csrf(api);
  const acts = [life?.acknowledged ? 'unacknowledged' : '', life?.verdict ? 'retracted' : ''].filter(Boolean);
  for (const act of acts) await api.post('/api/v1/acts', { data: { ids: [id], act: { act } }, headers, failOnStatusCode: true });
}

/** Waits until what is asked of the server has come. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0, { timeout: 30_000 });
}
