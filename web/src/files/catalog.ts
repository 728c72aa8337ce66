import { listFiles, type BoxFile } from './box.ts'

const PAGE = 100 // files that are shown at first, and that are added
const MOST = 1000 // files that the box gives at once
const WAIT = 10 // seconds that it may hold an answer until there is something new

/** The files of our key, the newest first, as many as the person wants to see. What has not changed is not sent again. */
export class Catalog {
  /** Whether there are older files than those that were loaded. */
  more = false
  /** Whether the box answers when there is something new: then it may be asked again at once. */
  waits = false

  private wanted = PAGE
  private tag = ''
  private files: BoxFile[] = []
  private asking: AbortController | undefined

  /** Has older files loaded too, from the next question on. */
  extend(): void {
    this.wanted += PAGE
  }

  /** Ends the question that is open, and has all asked anew. */
  refresh(): void {
    this.tag = ''
    this.asking?.abort()
  }

  /** Loads the files; patient: when there is something new, or after a while. */
  async load(headers: Record<string, string>, patient: boolean): Promise<BoxFile[]> {
    const asking = (this.asking = new AbortController())
    const wait = patient && this.waits && this.tag !== '' ? WAIT : 0
    const first = await listFiles(headers, { limit: Math.min(this.wanted, MOST), tag: this.tag, wait }, asking.signal)
    if (first === undefined) return this.files
    const files = first.files
    let next = first.next
    while (next !== undefined && files.length < this.wanted) {
      const page = await listFiles(headers, { limit: Math.min(this.wanted - files.length, MOST), after: next }, asking.signal)
      files.push(...(page?.files ?? []))
      next = page?.next
    }
    if (asking.signal.aborted) return this.files
    this.files = files
    this.tag = first.tag
    this.more = next !== undefined
    this.waits = first.tag !== ''
    return files
  }
}
