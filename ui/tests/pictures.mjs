// Takes pictures of the dashboard: TIDEMARK_URL is shown, FIGURES says where they go.
import { chromium } from '@playwright/test';
import { statSync } from 'node:fs';

const { TIDEMARK_URL: base, FIGURES: folder, CHROMIUM: executablePath } = process.env;
const items = (await (await fetch(`${base}/api/v1/anomalies?state=all&limit=1000`)).json()).items;
const fanIn = items.find((a) => a.kind === 'fan-in' && a.entity.dst_ip === '10.20.10.40') ?? items[0];

// The series is drawn once its interval is over and the daemon has written it down again.
for (let left = 80; left > 0; left -= 1) {
  const whole = await (await fetch(`${base}/api/v1/anomalies/${fanIn.id}`)).json();
  if ((whole.history ?? []).length > 1) break;
  await new Promise((resolve) => setTimeout(resolve, 2000));
}

const PICTURES = [
  ['overview', '/?hours=3', 'light', 1280, 860],
  ['anomaly', `/anomalies/${fanIn.id}`, 'light', 1280, 900],
  ['explorer', '/explorer?by=src_net24,service,dst_ip&view=sankey&top=20&range=last+30m', 'dark', 1280, 860],
  ['phone', '/', 'dark', 390, 844],
];

const browser = await chromium.launch({ executablePath, args: process.getuid() === 0 ? ['--no-sandbox'] : [] });
for (const [name, path, colorScheme, width, height] of PICTURES) {
  const page = await browser.newPage({ colorScheme, viewport: { width, height }, timezoneId: 'UTC', locale: 'en-GB' });
  await page.goto(base + path);
  await page.waitForFunction(() => document.querySelector('main') && !document.querySelector('[aria-busy="true"]'));
  // What is drawn after the data came.
  await page.waitForTimeout(700);
  const file = `${folder}/dashboard-${name}.png`;
  await page.screenshot({ path: file });
  console.log(`dashboard-${name}.png ${Math.round(statSync(file).size / 1000)} kB`);
  await page.close();
}
await browser.close();
