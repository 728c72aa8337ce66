import { defaultOptions } from 'tus-js-client'
import { pathOf } from './box.ts'

/**
 * The paths of uploads that were begun in this browser and not finished: whoever
 * chooses the same file again goes on with them.
 */
export async function unfinished(): Promise<Set<string>> {
  const all = await defaultOptions.urlStorage.findAllUploads()
  return new Set(all.flatMap((u) => (u.uploadUrl ? [pathOf(u.uploadUrl)] : [])))
}

/** Forgets an upload that is no more. */
export async function forget(path: string): Promise<void> {
  for (const u of await defaultOptions.urlStorage.findAllUploads()) {
    if (u.uploadUrl && pathOf(u.uploadUrl) === path) await defaultOptions.urlStorage.removeUpload(u.urlStorageKey)
  }
}
