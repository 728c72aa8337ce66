import { expect, test } from 'vitest'
import type { BoxFile } from '../files/box.ts'
import { sceneOf } from './scene.ts'

const file = (state: BoxFile['state']): BoxFile => ({ name: 'a', size: 1, offset: 1, type: '', state, createdAt: 0, completedAt: undefined, expiresAt: undefined, sha256: '', links: [], of: '', download: '/files/a', page: '/f/a', upload: '' })

test('each answer has its scene', () => {
  expect(sceneOf(undefined, undefined)).toBe('asking')
  expect(sceneOf('absent', file('complete'))).toBe('gone')
  expect(sceneOf(file('sending'), undefined)).toBe('sending')
  expect(sceneOf(file('checking'), undefined)).toBe('checking')
  expect(sceneOf(file('corrupt'), undefined)).toBe('damaged')
  expect(sceneOf(file('complete'), undefined)).toBe('ready')
})

test('a box that is away for a moment takes nothing away', () => {
  expect(sceneOf('unreachable', undefined)).toBe('away')
  expect(sceneOf('unreachable', file('complete'))).toBe('ready')
})
