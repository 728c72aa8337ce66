import { ownStorage } from './identity.ts'

/** A file that came from the system's share sheet, or from whoever acts as one; it is kept until it is sent, also over a reload. */
export interface Shared {
  readonly file: File
  /** The person wants it sent. */
  readonly wanted: boolean
  want(): void
  forget(): Promise<unknown>
}

/** Has the browser hand over what is shared with this app (public/share.js). */
export function acceptShared(): void {
  // Only where pages are secure, and only an app that was installed is asked.
  void navigator.serviceWorker?.register('/share.js', { scope: '/share' }).catch(() => undefined)
}

/** Whether some of what was shared last had no room on the shelf. */
export function takeUnshelved(): boolean {
  const url = new URL(location.href)
  if (!url.searchParams.has('unshelved')) return false
  url.searchParams.delete('unshelved')
  history.replaceState(null, '', url)
  return true
}

const KEPT_MS = 24 * 60 * 60 * 1000 // public/share.js has the same

/** What was shared and is not sent yet, the oldest first. What nobody wanted for a day is forgotten. */
export async function sharedFiles(): Promise<Shared[]> {
  if (!('caches' in globalThis) || !(await caches.has('pse-shared'))) return []
  const shelf = await caches.open('pse-shared')
  const wanted = new Wanted()
  const all: Shared[] = []
  const there = new Set<string>()
  for (const request of await shelf.keys()) {
    const kept = await shelf.match(request)
    if (!kept) continue
    const { headers } = kept
    if (Date.now() - Number(headers.get('X-At') ?? Date.now()) > KEPT_MS) {
      await shelf.delete(request)
      continue
    }
    const file = new File([await kept.blob()], decodeURIComponent(headers.get('X-Name') ?? 'file'), {
      type: headers.get('X-Type') ?? '',
      lastModified: Number(headers.get('X-Modified')),
    })
    there.add(request.url)
    all.push({
      file,
      wanted: wanted.has(request.url),
      want: () => wanted.add(request.url),
      forget: () => shelf.delete(request),
    })
  }
  wanted.keep(there)
  return all
}

/** Which files of the shelf the person wants sent: so that it is asked once, also over a reload. */
class Wanted {
  private readonly storage = ownStorage()
  private readonly urls: Set<string>

  constructor() {
    try {
      this.urls = new Set(JSON.parse(this.storage?.getItem('pse.wanted') ?? '[]') as string[])
    } catch {
      this.urls = new Set()
    }
  }

  has(url: string): boolean {
    return this.urls.has(url)
  }

  add(url: string): void {
    this.urls.add(url)
    this.write()
  }

  keep(there: ReadonlySet<string>): void {
    for (const url of this.urls) if (!there.has(url)) this.urls.delete(url)
    this.write()
  }

  private write(): void {
    try {
      this.storage?.setItem('pse.wanted', JSON.stringify([...this.urls]))
    } catch {
      // full, or forbidden: it is asked again
    }
  }
}
