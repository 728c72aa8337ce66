import { defineConfig, type HtmlTagDescriptor, type Plugin } from 'vite'

/** What all pages have in their heads. */
const common: HtmlTagDescriptor[] = [
  { tag: 'meta', attrs: { charset: 'utf-8' }, injectTo: 'head-prepend' },
  { tag: 'meta', attrs: { name: 'color-scheme', content: 'light dark' } },
  { tag: 'meta', attrs: { name: 'theme-color', content: '#faf7f2', media: '(prefers-color-scheme: light)' } },
  { tag: 'meta', attrs: { name: 'theme-color', content: '#14110e', media: '(prefers-color-scheme: dark)' } },
  { tag: 'link', attrs: { rel: 'icon', href: '/favicon.svg', type: 'image/svg+xml' } },
  { tag: 'link', attrs: { rel: 'apple-touch-icon', href: '/icon-180.png' } },
  { tag: 'link', attrs: { rel: 'manifest', href: '/manifest.webmanifest' } },
]

const head: Plugin = { name: 'head', transformIndexHtml: { order: 'pre', handler: () => common } }

// One project, several pages: each page is an HTML file here and a folder in
// src. web.go serves the build; nothing may be inlined, its CSP refuses it.
export default defineConfig({
  base: '/',
  plugins: [head],
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
