import { defineConfig } from 'vite';

// Built into dist/, which everframed serves; with `npm run dev` the page talks to a server on its usual port.
const server = process.env.EVERFRAME_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig({
  root: 'playground',
  base: './',
  build: { outDir: '../dist', emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 900 },
  server: { proxy: { '/v1': { target: server, ws: true } } },
});
