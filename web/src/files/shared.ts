/** A file that came from the system's share sheet; it is kept until it is sent, also over a reload. */
export interface Shared {
  file: File
  forget(): Promise<unknown>
}

/** Has the browser hand over what is shared with this app (public/share.js). */
export function acceptShared(): void {
  // Only where pages are secure, and only an app that was installed is asked.
  void navigator.serviceWorker?.register('/share.js', { scope: '/share' }).catch(() => undefined)
}

/** What was shared and is not sent yet, the oldest first. */
export async function sharedFiles(): Promise<Shared[]> {
  if (!('caches' in globalThis) || !(await caches.has('pse-shared'))) return []
  const shelf = await caches.open('pse-shared')
  const all: Shared[] = []
  for (const request of await shelf.keys()) {
    const kept = await shelf.match(request)
    if (!kept) continue
    const { headers } = kept
    const file = new File([await kept.blob()], decodeURIComponent(headers.get('X-Name') ?? 'file'), {
      type: headers.get('X-Type') ?? '',
      lastModified: Number(headers.get('X-Modified')),
    })
    all.push({ file, forget: () => shelf.delete(request) })
  }
  return all
}
