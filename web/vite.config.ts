import { defineConfig } from 'vite'

// One project, several pages: each page is an HTML file here and a folder in
// src. web.go serves the build; nothing may be inlined, its CSP refuses it.
export default defineConfig({
  base: '/',
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 600,
    rolldownOptions: { input: ['call.html', 'certificate.html', 'files.html', 'home.html', 'received.html', 'watch.html'] },
  },
  server: {
    proxy: { '/api': 'http://localhost:8080', '/hls': 'http://localhost:8080', '^/files/.': 'http://localhost:8080', '/socket.io': { target: 'http://localhost:8080', ws: true } },
  },
})
