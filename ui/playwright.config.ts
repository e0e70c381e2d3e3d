// How the page is tried in a browser: Debian's Chromium, one after the other, against a server that runs already.
import { defineConfig } from '@playwright/test';

const QUIET = [
  '--disable-background-networking', '--disable-component-update', '--disable-domain-reliability', '--disable-sync', '--no-first-run',
  '--no-pings', '--disable-quic', '--disable-gpu',
];

export default defineConfig({
  testDir: 'tests',
  globalSetup: './tests/people.ts',
  workers: 1,
  // A page that is still loading may move under a click on a machine that compiles beside it; such a test is named as flaky.
  retries: 2,
  timeout: 45_000,
  expect: { timeout: 10_000 },
  reporter: process.env.CI ? 'list' : 'line',
  use: {
    baseURL: process.env.TIDEMARK_URL,
    viewport: { width: 1280, height: 850 },
    timezoneId: 'UTC',
    locale: 'en-GB',
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      // It asks nobody but us: what it does by itself would only wait for a network that need not be there. Its own sandbox does
      // not work for root; what is shown here is ours.
      args: [...QUIET, ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    },
  },
});
