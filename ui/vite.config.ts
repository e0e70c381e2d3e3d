// Builds the page into ui/dist, from where the program takes it; nothing in it is loaded from elsewhere.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const server = process.env.TIDEMARK_URL ?? 'http://127.0.0.1:8080';

// The host stays as the browser says it: the server refuses what other sites ask for.
const proxy = Object.fromEntries(['/api', '/share', '/openapi.json'].map((path) => [path, { target: server, changeOrigin: false }]));

export default defineConfig({
  plugins: [svelte()],
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: true },
  // `npm run dev` shows the page as it is being written, over the API of a server that runs already.
  server: { proxy },
  preview: { proxy },
  test: { include: ['unit/**/*.test.ts'], environment: 'node' },
});
