// The four incidents, as a person meets them: seen, opened, understood, explored, acknowledged and judged.
import { expect } from '@playwright/test';
import { anomaly, as, FOUR, get, settled, test, untouched } from './support';

as('kim');

const INCIDENTS: { kind: keyof typeof FOUR; heading: RegExp; verdict: string; word: string }[] = [
  { kind: 'rate-limit', heading: /Rate limit/, verdict: 'Expected', word: 'expected' },
  { kind: 'load-spike', heading: /Load spike/, verdict: 'New normal', word: 'new-normal' },
  { kind: 'fan-in', heading: /Fan-in/, verdict: 'False alarm', word: 'false' },
  { kind: 'stranger', heading: /Stranger/, verdict: 'Attack', word: 'attack' },
];

for (const { kind, heading, verdict, word } of INCIDENTS) {
  test(`${kind} is found, opened, explored, acknowledged and judged`, async ({ page, request }) => {
    const found = await anomaly(request, kind);
    const id = found.id;
    await untouched(request, id);
    const said = `looked at ${kind}, ${Date.now()}`;

    await page.goto('/anomalies?state=all&view=flat');
    const filter = page.getByRole('combobox', { name: 'Filter of anomalies' });
    await filter.fill(`host ${FOUR[kind]} and kind ${kind}`);
    await filter.press('Escape');
    await filter.press('Enter');
    await page.locator(`a[href="/anomalies/${id}"]`).first().click();
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(heading);
    await settled(page);
    await expect(page.getByRole('heading', { name: 'What changed' })).toBeVisible();
    await expect(page.getByRole('heading', { name: 'How it was computed' })).toBeVisible();

    const explorer = (await get<{ explorer?: { filter: string; since: string } }>(request, `/anomalies/${id}`)).explorer;
    await page.getByRole('link', { name: 'Open in explorer', exact: true }).click();
    await expect(page.getByRole('heading', { name: 'Explorer' })).toBeVisible();
    if (explorer) {
      await expect(page.getByRole('combobox', { name: 'Filter' })).toHaveValue(explorer.filter);
      expect(new URL(page.url()).searchParams.get('since')).toBe(explorer.since);
    }
    await settled(page);
    await page.goBack();

    const decide = page.getByRole('region', { name: 'Decide' });
    await decide.getByRole('button', { name: 'Acknowledge', exact: true }).click();
    await expect(decide.getByText('Acknowledged by kim')).toBeVisible();
    await expect(page.getByText('acknowledged it').last()).toBeVisible();

    await page.getByRole('textbox', { name: 'Comment' }).fill(said);
    await page.getByRole('button', { name: 'Comment', exact: true }).click();
    await expect(page.getByText(said)).toBeVisible();

    await decide.getByRole('button', { name: 'Give a verdict' }).click();
    await page.getByRole('radio', { name: verdict }).check();
    await page.getByLabel('Why (optional)').fill('as a test');
    await page.getByRole('button', { name: 'Record verdict' }).click();
    await expect(decide.getByText(verdict, { exact: true })).toBeVisible();
    const kept = await get<{ life: { verdict: { verdict: string }; acknowledged: { by: string } } }>(request, `/anomalies/${id}`);
    expect(kept.life.verdict.verdict).toBe(word);
    expect(kept.life.acknowledged.by).toBe('kim');

    await decide.getByRole('button', { name: 'Retract verdict' }).click();
    await expect(decide.getByRole('button', { name: 'Give a verdict' })).toBeVisible();
    await expect(page.getByText('took the verdict back').last()).toBeVisible();
  });
}

test('several incidents are acknowledged at once, from the keyboard', async ({ page, request }) => {
  await page.goto('/anomalies?state=all');
  const rows = page.locator('[data-incident]');
  await expect(rows.first()).toBeVisible();
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await page.keyboard.press('j');
  await page.keyboard.press('x');
  await expect(page.getByText('2 marked')).toBeVisible();
  // What is found in between may have come above them.
  const ids = await rows.evaluateAll((all) => all.filter((row) => row.querySelector('input:checked')).map((row) => (row as HTMLElement).dataset.incident));
  expect(ids).toHaveLength(2);
  await page.keyboard.press('a');
  await expect(page.getByText('mark all')).toBeVisible();
  for (const id of ids) {
    const { items } = await get<{ items: { life: { acknowledged: object | null } }[] }>(request, `/incidents/${id}`);
    expect(items.every((a) => a.life.acknowledged)).toBe(true);
  }
});

test('an anomaly is silenced in place, and the silence can be ended', async ({ page, request }) => {
  const found = await anomaly(request, 'load-spike');
  await page.goto(`/anomalies/${found.id}`);
  await page.getByRole('button', { name: 'Silence' }).click();
  const why = `a test of silences, ${Date.now()}`;
  await page.getByLabel('Why').fill(why);
  await page.getByRole('dialog').getByRole('button', { name: 'Silence', exact: true }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await page.goto('/measures');
  const row = page.getByRole('row', { name: new RegExp(why) });
  await row.getByRole('button', { name: 'End' }).click();
  await expect(row.getByText('ended')).toBeVisible();
});

test('filters narrow the list, stand in the address, and a wrong one is underlined', async ({ page }) => {
  await page.goto('/anomalies?state=all');
  await expect(page.locator('[data-incident]').first()).toBeVisible();
  await page.getByLabel('severity').selectOption('critical');
  await expect(page).toHaveURL(/severity=critical/);
  await page.getByRole('button', { name: 'show all' }).click();
  await page.getByLabel('Filter of anomalies').fill('rule scan and not');
  await expect(page.getByLabel('Filter of anomalies')).toHaveAttribute('aria-invalid', 'true');
});

test('the report of an anomaly is a page of its own', async ({ request }) => {
  const found = await anomaly(request, 'fan-in');
  const report = await request.get(`/api/v1/anomalies/${found.id}/report`);
  expect(report.status()).toBe(200);
  expect(report.headers()['content-type']).toContain('text/html');
  expect(await report.text()).toContain(found.id);
});
