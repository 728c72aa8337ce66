import { defaultOptions } from 'tus-js-client'
import { pathOf } from './box.ts'
import { claimed } from './claim.ts'

/**
 * The paths of uploads that were begun in this browser, not finished, and that no
 * tab goes on with: whoever chooses the same file again does.
 */
export async function unfinished(): Promise<Set<string>> {
  const all = await defaultOptions.urlStorage.findAllUploads()
  const busy = await claimed()
  return new Set(all.flatMap((u) => (u.uploadUrl ? [pathOf(u.uploadUrl)] : [])).filter((path) => !busy.has(path)))
}

/** Forgets an upload that is no more. */
export async function forget(path: string): Promise<void> {
  for (const u of await defaultOptions.urlStorage.findAllUploads()) {
    if (u.uploadUrl && pathOf(u.uploadUrl) === path) await defaultOptions.urlStorage.removeUpload(u.urlStorageKey)
  }
}
