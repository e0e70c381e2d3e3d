// What others do and what the detector finds appears without loading the page anew.
import { expect } from '@playwright/test';
import { as, csrf, anomaly, test } from './support';

as('kim');

test('what somebody else does is seen without a reload', async ({ page, request }) => {
  const found = await anomaly(request, 'stranger');
  await page.goto(`/anomalies/${found.id}`);
  await expect(page.getByRole('heading', { name: 'History and comments' })).toBeVisible();
  await page.evaluate(() => Object.assign(window, { same: true }));
  const text = `from elsewhere ${Date.now()}`;
  const headers = await csrf(request);
  await request.post('/api/v1/acts', { data: { ids: [found.id], act: { act: 'commented', text } }, headers, failOnStatusCode: true });
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
