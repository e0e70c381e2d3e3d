// Who comes in, what they may, and what they see when they may not.
import { expect } from '@playwright/test';
import { anomaly, as, NOBODY, PASSWORD, settled, test } from './support';

test.describe('nobody yet', () => {
  test('sees the log-in alone, is refused with a wrong password, and comes in with the right one', async ({ page }) => {
    await page.goto('/anomalies');
    await expect(page.getByRole('navigation')).toHaveCount(0);
    await page.getByLabel('User').fill('kim');
    await page.getByLabel('Password').fill('not the password');
    await page.getByRole('button', { name: 'Log in' }).click();
    await expect(page.getByRole('alert')).toBeVisible();
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByLabel('Password').press('Enter');
    await expect(page.getByRole('heading', { name: 'Anomalies', level: 1 })).toBeVisible();
  });

  test('no route of the API answers', async ({ request }) => {
    for (const path of ['status', 'overview', 'incidents', 'anomalies', 'query', 'hosts', 'exporters', 'rules', 'silences', 'users', 'audit']) {
      expect((await request.get(`/api/v1/${path}`)).status(), path).toBe(401);
    }
  });
});

test.describe('a viewer', () => {
  as('vi');
  test('looks, and finds nothing to decide with', async ({ page, request }) => {
    const found = await anomaly(request, 'fan-in');
    await page.goto(`/anomalies/${found.id}`);
    await expect(page.getByText('You may look and not change')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Acknowledge' })).toHaveCount(0);
    await page.goto('/settings?tab=users');
    await expect(page.getByRole('link', { name: 'Users' })).toHaveCount(0);
  });

  test('is refused by the server too', async ({ request }) => {
    const found = await anomaly(request, 'fan-in');
    const who = (await (await request.get('/api/v1/session')).json()) as { csrf: string };
    const headers = { 'x-csrf-token': who.csrf };
    const act = { ids: [found.id], act: { act: 'acknowledged' } };
    expect((await request.post('/api/v1/acts', { data: act, headers })).status()).toBe(403);
    expect((await request.get('/api/v1/users')).status()).toBe(403);
  });
});

test.describe('an analyst', () => {
  as('kim');
  test('without the token of the session changes nothing', async ({ request }) => {
    const found = await anomaly(request, 'fan-in');
    const act = { ids: [found.id], act: { act: 'commented', text: 'forged' } };
    expect((await request.post('/api/v1/acts', { data: act })).status()).toBe(403);
  });

  test('whose session has ended logs in and goes on where they were', async ({ page, context }) => {
    await page.goto('/explorer?by=dst_ip&view=table');
    await expect(page.getByRole('heading', { name: 'Explorer' })).toBeVisible();
    // A question under way would notice the end before the button is pressed.
    await settled(page);
    await context.clearCookies();
    await page.getByRole('button', { name: 'Lines' }).click();
    await expect(page.getByText('Your session has ended')).toBeVisible();
    await page.getByLabel('User').fill('kim');
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    await expect(page.getByRole('heading', { name: 'Explorer' })).toBeVisible();
    await expect(page).toHaveURL(/by=dst_ip.*view=lines/);
  });
});

test.describe('an administrator', () => {
  as('ana');
  test('adds somebody, who then logs in, and removes them', async ({ page, browser }) => {
    const name = `test-${Date.now()}`;
    await page.goto('/settings?tab=users');
    await page.getByLabel('User', { exact: true }).fill(name);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByLabel('Role').selectOption('viewer');
    await page.getByRole('button', { name: 'Add user' }).click();
    const row = page.getByRole('row', { name: new RegExp(name) });
    await expect(row).toContainText('viewer');

    const other = await browser.newPage(NOBODY);
    await other.goto('/');
    await other.getByLabel('User').fill(name);
    await other.getByLabel('Password').fill(PASSWORD);
    await other.getByRole('button', { name: 'Log in' }).click();
    await expect(other.getByRole('navigation')).toBeVisible();
    await other.close();

    page.once('dialog', (dialog) => dialog.accept());
    await row.getByRole('button', { name: 'Remove' }).click();
    await expect(row).toHaveCount(0);
    await page.goto('/settings?tab=audit');
    await expect(page.getByRole('region', { name: 'audit trail' }).getByRole('row').nth(1)).toBeVisible();
  });

  test('makes a token once shown, with which a program comes in, and shares a view without a log-in', async ({ page, request, browser }) => {
    // A name is taken once.
    const now = Date.now();
    await page.goto('/settings?tab=tokens');
    await page.getByLabel('Name').fill(`a-program-${now}`);
    await page.getByRole('button', { name: 'Make token' }).click();
    const secret = (await page.locator('.made code').textContent()) ?? '';
    const bare = await browser.newContext(NOBODY);
    expect((await bare.request.get('/api/v1/status', { headers: { authorization: `Bearer ${secret}` } })).status()).toBe(200);
    expect((await request.get('/api/v1/status', { headers: { authorization: 'Bearer wrong' } })).status()).toBe(401);

    await page.goto('/settings?tab=shares');
    await page.getByLabel('Name').fill(`the-wall-${now}`);
    await page.getByRole('button', { name: 'Make link' }).click();
    const link = (await page.locator('.made code').textContent()) ?? '';
    const wall = await bare.newPage();
    expect((await wall.goto(link))?.status()).toBe(200);
    await expect(wall.getByText('open anomalies')).toBeVisible();
    // Its style is its own, and let through.
    expect(await wall.evaluate(() => getComputedStyle(document.body).fontFamily)).toContain('system-ui');
    await bare.close();
  });
});

test('who logs out is out', async ({ browser }) => {
  const context = await browser.newContext(NOBODY);
  const page = await context.newPage();
  await page.goto('/');
  await page.getByLabel('User').fill('kim');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByRole('button', { name: /log out/ }).click();
  await expect(page.getByLabel('Password')).toBeVisible();
  expect((await context.request.get('/api/v1/status')).status()).toBe(401);
});
