// What others do and what the detector finds appears without loading the page anew.
import { expect, type APIRequestContext } from '@playwright/test';
import { connect, type Socket } from 'node:net';
import { as, csrf, anomaly, test, URL_OF } from './support';

as('kim');

/** More than the server lets listen at a time. */
const MANY = 70;
const PLACES = 64;

interface Listener {
  status: number;
  body: string;
  socket: Socket;
}

/** Asks for events and reads no more than what the answer begins with; all of it where it is refused. */
function listen(cookie: string): Promise<Listener> {
  const { hostname, port, host } = new URL(URL_OF);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    const done = () => {
      const [head = '', ...body] = text.split('\r\n\r\n');
      resolve({ status: Number(head.split(' ')[1]), body: body.join(''), socket });
    };
    socket.on('data', (part) => {
      text += part.toString();
      if (!text.startsWith('HTTP/1.1 200 ') || !text.includes('\r\n\r\n')) return;
      socket.pause();
      done();
    });
    socket.once('end', done);
    socket.once('error', reject);
    socket.write(`GET /api/v1/events HTTP/1.1\r\nhost: ${host}\r\ncookie: ${cookie}\r\nconnection: close\r\n\r\n`);
  });
}

/** Says something about an anomaly, as somebody else would. */
async function comment(api: APIRequestContext, id: string, text: string): Promise<void> {
  const headers = await csrf(api);
  await api.post('/api/v1/acts', { data: { ids: [id], act: { act: 'commented', text } }, headers, failOnStatusCode: true });
}

test('what somebody else does is seen without a reload', async ({ page, request }) => {
  const found = await anomaly(request, 'stranger');
  await page.goto(`/anomalies/${found.id}`);
  await expect(page.getByRole('heading', { name: 'History and comments' })).toBeVisible();
  await page.evaluate(() => Object.assign(window, { same: true }));
  const text = `from elsewhere ${Date.now()}`;
  await comment(request, found.id, text);
  await expect(page.getByText(text)).toBeVisible();
  expect(await page.evaluate(() => 'same' in window)).toBe(true);
});

test('the state of the program is told again and again', async ({ page }) => {
  const told = page.waitForResponse((response) => response.url().endsWith('/api/v1/events') && response.status() === 200);
  await page.goto('/');
  await told;
  await expect(page.getByText('flow records')).toBeVisible();
  await expect(page.getByText('connecting')).toHaveCount(0);
});

test('listeners that never read hold up nobody, and leave room when they go', async ({ page, context, request }) => {
  test.slow();
  const found = await anomaly(request, 'stranger');
  const heard = page.waitForResponse((response) => response.url().endsWith('/api/v1/events') && response.status() === 200);
  await page.goto(`/anomalies/${found.id}`);
  await heard;
  const cookie = (await request.storageState()).cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
  const all = await Promise.all(Array.from({ length: MANY }, () => listen(cookie)));
  try {
    // One place is that of the page; some may still be those of pages before.
    const refused = all.filter((one) => one.status !== 200);
    expect(MANY - refused.length).toBeGreaterThan(PLACES / 2);
    expect(MANY - refused.length).toBeLessThan(PLACES);
    for (const { status, body } of refused) expect([status, body]).toEqual([503, expect.stringContaining('as many listen as can: try again later')]);

    const before = `between the silent ${Date.now()}`;
    await comment(request, found.id, before);
    await expect(page.getByText(before)).toBeVisible();
    // Who comes too late to listen is answered all the same.
    const late = await context.newPage();
    const room = late.waitForResponse((response) => response.url().endsWith('/api/v1/events') && response.status() === 200, { timeout: 60_000 });
    await late.goto(`/anomalies/${found.id}`);
    await expect(late.getByText(before)).toBeVisible();

    for (const { socket } of all) socket.destroy();
    await room;
    const after = `with room again ${Date.now()}`;
    await comment(request, found.id, after);
    await expect(late.getByText(after)).toBeVisible();
    await late.close();
  } finally {
    for (const { socket } of all) socket.destroy();
  }
});
