import { expect, test } from 'vitest'
import { sceneOfRefusal, words } from './scene.ts'

test('each refusal has its scene, an unknown one too', () => {
  expect(sceneOfRefusal('passphrase')).toBe('passphrase')
  expect(sceneOfRefusal('limit')).toBe('limit')
  expect(sceneOfRefusal('name')).toBe('ask')
  expect(sceneOfRefusal('refused')).toBe('refused')
  expect(sceneOfRefusal(undefined)).toBe('refused')
})

test('no scene is a dead end', () => {
  for (const [scene, w] of Object.entries(words)) {
    if (scene !== 'joining' && scene !== 'passphrase') expect(w.again, scene).toBeTruthy()
  }
})
