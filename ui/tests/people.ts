// Makes the people of the tests, an administrator, an analyst and a viewer, and keeps their sessions for all tests.
import { request, type APIRequestContext } from '@playwright/test';
import { mkdirSync } from 'node:fs';
import { PASSWORD, session, URL_OF, type Person } from './support';

async function logIn(person: Person): Promise<{ api: APIRequestContext; csrf: string }> {
  const api = await request.newContext({ baseURL: URL_OF });
  const answer = await api.post('/api/v1/session', { data: { user: person, password: PASSWORD } });
  if (!answer.ok()) throw new Error(`${person} cannot log in: ${answer.status()} ${await answer.text()}`);
  return { api, csrf: ((await answer.json()) as { csrf: string }).csrf };
}

export default async function people(): Promise<void> {
  mkdirSync('test-results', { recursive: true });
  const open = await request.newContext({ baseURL: URL_OF });
  const who = (await (await open.get('/api/v1/session')).json()) as { open: boolean };
  if (who.open) await open.post('/api/v1/users', { data: { name: 'ana', role: 'admin', password: PASSWORD }, failOnStatusCode: true });
  const admin = await logIn('ana');
  const known = (await (await admin.api.get('/api/v1/users')).json()) as { items: { name: string }[] };
  for (const [name, role] of [['kim', 'analyst'], ['vi', 'viewer']] as const) {
    if (known.items.some((user) => user.name === name)) continue;
    await admin.api.post('/api/v1/users', { data: { name, role, password: PASSWORD }, headers: { 'x-csrf-token': admin.csrf }, failOnStatusCode: true });
  }
  await admin.api.storageState({ path: session('ana') });
  for (const name of ['kim', 'vi'] as const) {
    const { api } = await logIn(name);
    await api.storageState({ path: session(name) });
    await api.dispose();
  }
}
