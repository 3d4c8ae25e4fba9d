import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    target: 'es2024',
    // The content policy allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
});
