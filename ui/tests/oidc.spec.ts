// People whom a provider of identities vouches for: a second Tidemark that trusts one, and a real provider on another site.
import { expect, test as base, type APIRequestContext, type Page } from '@playwright/test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, start, type Started } from './daemon';
import { NOBODY } from './support';

// As in provider.mjs: what forms and headers change on the way must arrive as it is.
const SECRET = 'se+cr:et/with odd';

// Where it listens stands last, behind where browsers find it.
const LISTENS = /dashboard and API on .*(http[^\s)]+)[^]* ready/;

interface House {
  url: string;
  provider: Started;
  stop(): Promise<void>;
}

const configuration = (listen: string, url: string, issuer: string) => `
[listen]
udp = ["127.0.0.1:0"]
tcp = []
[state]
dir = "state"
[store]
min_free = "1MiB"
[web]
listen = "${listen}"
public_url = "${url}"
[web.oidc]
issuer = "${issuer}"
client_id = "tidemark"
client_secret = "oidc.secret"
scopes = ["profile", "groups"]
analyst = ["soc"]
admin = ["network-admins"]
`;

/** A provider and a Tidemark that trusts it; with UI_PREVIEW=1 the page is that of ui/dist. */
async function house(): Promise<House> {
  const tidemark = process.env.TIDEMARK;
  if (!tidemark) throw new Error('TIDEMARK names the program to start; scripts/ui-test says it');
  const preview = process.env.UI_PREVIEW === '1';
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-oidc-'));
  const provider = await start(process.execPath, ['tests/provider.mjs', `${url}/api/v1/oidc/callback`], /^(http\S+)$/m);
  writeFileSync(join(folder, 'oidc.secret'), `${SECRET}\n`, { mode: 0o600 });
  writeFileSync(join(folder, 'tidemark.toml'), configuration(`127.0.0.1:${preview ? 0 : port}`, url, provider.said));
  const daemon = await start(tidemark, ['run', '-c', 'tidemark.toml'], LISTENS, { cwd: folder });
  const all = [provider, daemon];
  if (preview) {
    const args = ['node_modules/vite/bin/vite.js', 'preview', '--host', '127.0.0.1', '--port', String(port), '--strictPort'];
    all.push(await start(process.execPath, args, /Local/, { env: { TIDEMARK_URL: daemon.said } }));
  }
  const stop = async () => {
    for (const one of all.reverse()) await one.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, provider, stop };
}

const test = base.extend<{ ruin: House }, { home: House }>({
  // One for a test that breaks it.
  ruin: async ({}, use) => {
    const ruin = await house();
    await use(ruin);
    await ruin.stop();
  },
  home: [
    async ({}, use) => {
      const home = await house();
      await use(home);
      await home.stop();
    },
    { scope: 'worker', timeout: 60_000 },
  ],
});
test.use(NOBODY);

/** From the page of Tidemark to that of the provider. */
async function depart(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole('link', { name: /^Log in with/ }).click();
  await expect(page.getByRole('heading', { name: 'Who are you?' })).toBeVisible();
}

async function comeAs(page: Page, url: string, account: string): Promise<void> {
  await depart(page, url);
  await page.getByLabel('Account').fill(account);
  await page.getByRole('button', { name: 'Continue' }).click();
}

/** Where the provider sends a browser that logged in, which does not go there yet. */
async function sentBack(api: APIRequestContext, url: string, account: string): Promise<string> {
  const asked = await api.get(`${url}/api/v1/oidc/login`);
  let answer = await api.post(asked.url(), { form: { account, act: 'enter' }, maxRedirects: 0 });
  for (;;) {
    const to = new URL(answer.headers().location ?? '', answer.url()).href;
    if (to.startsWith(`${url}/api/v1/oidc/callback?`)) return to;
    answer = await api.get(to, { maxRedirects: 0 });
  }
}

const status = async (page: Page, url: string) => (await page.request.get(`${url}/api/v1/status`)).status();

for (const [account, role] of [['kim', 'analyst'], ['ada', 'admin']] as const) {
  test(`${account}, whom the provider knows, comes in as ${role}, and leaves`, async ({ page, home }) => {
    await comeAs(page, home.url, account);
    await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible();
    await expect(page.getByRole('button', { name: new RegExp(`^${account}@localhost`) })).toHaveAttribute('title', new RegExp(role));
    const who = (await (await page.request.get(`${home.url}/api/v1/session`)).json()) as { user: string; role: string };
    expect(who).toMatchObject({ user: `${account}@localhost`, role });
    expect((await page.request.get(`${home.url}/api/v1/users`)).status()).toBe(role === 'admin' ? 200 : 403);

    await page.getByRole('button', { name: /log out/ }).click();
    await expect(page.getByRole('link', { name: /^Log in with/ })).toBeVisible();
    expect(await status(page, home.url)).toBe(401);
  });
}

test('who came for one page is there after the log-in', async ({ page, home }) => {
  await comeAs(page, `${home.url}/explorer?by=dst_ip&view=lines`, 'kim');
  await expect(page.getByRole('heading', { name: 'Explorer', level: 1 })).toBeVisible();
  await expect(page).toHaveURL(/\/explorer\?by=dst_ip&view=lines$/);
});

test('somebody of no group is told so and stays outside', async ({ page, home }) => {
  await comeAs(page, home.url, 'lee');
  await expect(page.getByText(/`groups` gives no role here/)).toBeVisible();
  expect(await status(page, home.url)).toBe(401);
  await page.getByRole('link', { name: 'Back to the log-in' }).click();
  await expect(page.getByRole('link', { name: /^Log in with/ })).toBeVisible();
});

test('who declines at the provider is told so, and can begin again', async ({ page, home }) => {
  await depart(page, home.url);
  await page.getByRole('button', { name: 'Decline' }).click();
  await expect(page.getByText(/the provider refused: access_denied/)).toBeVisible();
  expect(await status(page, home.url)).toBe(401);
  await comeAs(page, home.url, 'kim');
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible();
});

test('a log-in that was not begun in this browser is refused, whoever vouches', async ({ page, browser, home }) => {
  const made = await page.goto(`${home.url}/api/v1/oidc/callback?code=made&state=up`);
  expect(made?.status()).toBe(403);
  await expect(page.getByText(/not begun here/)).toBeVisible();

  // Somebody begins as themselves and makes another finish it, who would then work in their name.
  const other = await browser.newContext(NOBODY);
  const theirs = await sentBack(other.request, home.url, 'ada');
  await other.close();
  expect((await page.goto(theirs))?.status()).toBe(403);
  await expect(page.getByText(/not begun here/)).toBeVisible();
  expect(await status(page, home.url)).toBe(401);
});

test('what brought somebody in does so once', async ({ page, home }) => {
  const mine = await sentBack(page.request, home.url, 'kim');
  const cookies = await page.context().cookies();
  await page.goto(mine);
  await expect(page.getByRole('heading', { name: 'Overview', level: 1 })).toBeVisible();
  await page.context().clearCookies();
  await page.context().addCookies(cookies);
  expect((await page.goto(mine))?.status()).toBe(403);
  expect(await status(page, home.url)).toBe(401);
});

test('a provider that is gone is named as what does not work', async ({ page, ruin }) => {
  const mine = await sentBack(page.request, ruin.url, 'kim');
  await ruin.provider.stop();
  await page.goto(mine);
  await expect(page.getByText(/the provider of identities .* cannot be used/)).toBeVisible();
  expect(await status(page, ruin.url)).toBe(401);
});
