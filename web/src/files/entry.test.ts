import { expect, test } from 'vitest'
import type { BoxFile } from './box.ts'
import { merge, viewOf, type Sent } from './entry.ts'

const NOW = 1_800_000_000_000

const sent = (phase: Sent['phase'], more: Partial<Sent> = {}): Sent => ({
  name: 'a.mp4', file: { size: 40e6 }, phase, sent: 10e6, words: '', page: '', path: undefined,
  rate: { speed: undefined, left: () => undefined }, ...more,
})

const file = (state: BoxFile['state'], more: Partial<BoxFile> = {}): BoxFile => ({
  name: 'a.mp4', size: 40e6, offset: 10e6, type: '', state, createdAt: NOW - 300_000, completedAt: undefined, expiresAt: undefined, sha256: '',
  download: '/files/a-r', page: '/f/a-r', upload: '/files/a-w', links: [], of: '', ...more,
})

const keyOf = (s: Sent) => `sending ${s.name}`

test('what is sent from here and is on the box is one entry', () => {
  const s = sent('sending', { path: '/files/a-w' })
  expect(merge([s], [file('sending')], new Set(), keyOf)).toEqual([{ key: 'sending a.mp4', sending: s, file: file('sending'), ours: false }])
})

test('what needs somebody comes first, what is done last', () => {
  const all = merge(
    [sent('done', { name: 'done', path: '/files/d' }), sent('paused', { name: 'paused' })],
    [file('complete', { upload: '/files/old' }), file('sending', { upload: '/files/begun' }), file('sending', { upload: '/files/elsewhere' })],
    new Set(['/files/begun']),
    keyOf,
  )
  expect(all.map((e) => e.key)).toEqual(['sending paused', '/files/begun', 'sending done', '/files/old', '/files/elsewhere'])
})

test('words while it is on its way', () => {
  const of = (s: Sent) => viewOf({ key: '', sending: s, ours: false }, NOW)
  expect(of(sent('waiting', { sent: 0 })).words).toBe('Waiting · 40 MB')
  expect(of(sent('sending')).words).toBe('10 MB of 40 MB')
  expect(of(sent('sending', { rate: { speed: 3.1e6, left: (n) => n / 3100 } })).words).toBe('10 MB of 40 MB · 3.1 MB/s · 10 seconds left')
  expect(of(sent('sending', { sent: 40e6 })).words).toContain('All sent')
  expect(of(sent('lost')).words).toContain('by itself')
  expect(of(sent('failed', { words: 'The disk is full.' })).words).toBe('The disk is full.')
  expect(of(sent('paused')).actions).toEqual(['resume', 'cancel'])
  expect(of(sent('paused', { page: '/f/a-r' })).actions).toEqual(['resume', 'share', 'cancel'])
  expect(of(sent('sending')).done).toBe(0.25)
})

test('words for what is on the box', () => {
  const of = (f: BoxFile, ours = false) => viewOf({ key: '', file: f, ours }, NOW)
  expect(of(file('complete', { completedAt: NOW - 60_000 })).words).toBe('40 MB · 1 minute ago')
  expect(of(file('complete', { completedAt: NOW, expiresAt: NOW + 7 * 86_400_000 })).words).toBe('40 MB · just now · gone in 7 days')
  expect(of(file('complete')).actions).toEqual(['share', 'open', 'links', 'delete'])
  expect(of(file('complete', { page: '' })).actions).toEqual(['links', 'delete'])
  expect(of(file('sending'), true).words).toContain('choose the same file')
  expect(of(file('sending'), true).actions).toContain('choose')
  expect(of(file('sending')).actions).not.toContain('choose')
  expect(of(file('sending', { size: -1 })).words).toBe('10 MB · from another page or device')
  expect(of(file('corrupt')).actions).toEqual(['delete'])
})

test('a sent file is done before the box lists it', () => {
  const view = viewOf({ key: '', sending: sent('done', { page: '/f/a-r' }), ours: false }, NOW)
  expect(view.actions).toEqual(['share', 'open', 'delete'])
  expect(view.done).toBeUndefined()
})
