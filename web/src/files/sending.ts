import { DetailedError, Upload } from 'tus-js-client'
import { endpoint, pageOf, pathOf } from './box.ts'
import { claim } from './claim.ts'
import { pieceSize } from './piece.ts'
import { Rate } from './rate.ts'
import { answerOf, pauseBefore, Refused, refusalWords, remedyOf } from './refused.ts'

/** Where one file's sending is. */
export type Phase =
  | 'waiting' // for its turn
  | 'sending'
  | 'lost' // the connection is; it tries again by itself
  | 'paused' // by the person
  | 'failed' // until the person does something
  | 'done'

export interface SendingHooks {
  changed(): void
  /** The box wants a key, or another one. */
  keyWanted(): void
  headers(): Record<string, string>
}

/** How much may go into one request, in bytes: less where somebody between does not take as much. */
const limits = [Infinity, 8 << 20, 512 << 10] as const

const STALL_MS = 20_000 // nothing moved for so long: the connection is dead, whatever the browser thinks
const FINISH_MS = 120_000 // all is sent, and the box looks at it

/**
 * One file on its way to the box. It goes on after whatever broke it from what
 * the box has; also after a reload, when the same file is sent again.
 */
export class Sending {
  readonly file: File
  readonly name: string
  phase: Phase = 'waiting'
  /** Bytes on their way or there. */
  sent = 0
  /** Why it failed. */
  words = ''
  rate = new Rate(0, 0)
  /** Path of the page for whoever gets the file; empty until the box has said it. */
  page = ''

  private readonly hooks: SendingHooks
  private readonly upload: Upload
  private begun = false
  private arrived = 0 // bytes that the box has said it has
  private before = 0 // those when it failed last
  private reached = false // whether the box has answered since it was started
  private tries = 0
  private limit = 0
  private movedAt = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private letGo: (() => void) | undefined // of the upload, which is this page's while it is on its way

  constructor(file: File, hooks: SendingHooks) {
    this.file = file
    this.name = file.name || 'file'
    this.hooks = hooks
    this.upload = new Upload(file, {
      endpoint,
      metadata: { filename: this.name, ...(file.type && { filetype: file.type }) },
      retryDelays: null, // trying again is our own matter
      removeFingerprintOnSuccess: true,
      onProgress: (sent) => this.moved(sent),
      onUploadUrlAvailable: () => void this.claim(),
      onChunkComplete: (_, arrived) => {
        this.arrived = arrived
        this.measure()
      },
      onAfterResponse: (request, response) => this.hear(request.getMethod(), response),
      onSuccess: () => this.finish(),
      onError: (error) => void this.broke(error),
    })
  }

  /** The upload's path on the box; undefined until it has one. */
  get path(): string | undefined {
    return this.upload.url ? pathOf(this.upload.url) : undefined
  }

  /** Whether it would be missed if the page were closed now. */
  get open(): boolean {
    return this.phase === 'waiting' || this.phase === 'sending' || this.phase === 'lost'
  }

  /** Starts, or goes on. */
  async start(): Promise<void> {
    this.enter('sending')
    this.movedAt = performance.now()
    this.rate = new Rate(this.sent, this.movedAt)
    if (!this.begun) {
      this.begun = true
      const [earlier] = (await this.upload.findPreviousUploads()).filter((u) => u.uploadUrl !== null).reverse()
      // Whatever the box was once reached by, it is here now: nothing else may be asked.
      if (earlier?.uploadUrl) this.upload.resumeFromPreviousUpload({ ...earlier, uploadUrl: pathOf(earlier.uploadUrl) })
    }
    const free = await this.claim()
    if (this.phase !== 'sending') return // paused meanwhile
    if (!free) return this.fail('Another tab of this browser sends this file already.')
    this.reached = false
    this.upload.options.headers = this.hooks.headers()
    this.measure()
    this.upload.start()
  }

  pause(): void {
    this.stop()
    this.enter('paused')
  }

  /** Waits for its turn again. */
  resume(): void {
    clearTimeout(this.timer)
    this.enter('waiting')
  }

  /** Stops, and takes back what has arrived. */
  async cancel(): Promise<void> {
    clearTimeout(this.timer)
    this.enter('paused')
    this.upload.options.headers = this.hooks.headers()
    await this.upload.abort(true)
  }

  /** Tries again now, if it waits for that. */
  hurry(): void {
    if (this.phase === 'lost') this.resume()
  }

  /** Once a second: notices when nothing moves any more. */
  tick(now: number): void {
    if (this.phase !== 'sending') return
    this.rate.reach(this.sent, now)
    if (now - this.movedAt > (this.sent < this.file.size ? STALL_MS : FINISH_MS)) {
      this.stop()
      this.later()
    }
  }

  /** Says how much the next request takes. */
  private measure(): void {
    this.upload.options.chunkSize = pieceSize(this.rate.speed, limits[this.limit]!)
  }

  private moved(sent: number): void {
    this.sent = sent
    this.movedAt = performance.now()
    this.rate.reach(sent, this.movedAt)
    this.hooks.changed()
  }

  /** Whether the upload is this page's; it becomes that if it is free. */
  private async claim(): Promise<boolean> {
    if (this.path === undefined || this.letGo) return true
    this.letGo = await claim(this.path)
    if (!this.open) this.release() // stopped meanwhile
    return this.letGo !== undefined
  }

  private release(): void {
    this.letGo?.()
    this.letGo = undefined
  }

  /** Reads what the library does not. */
  private hear(method: string, response: { getStatus(): number; getHeader(name: string): string | undefined; getBody(): string }): void {
    const status = response.getStatus()
    if (method === 'HEAD' && status >= 400 && status !== 404 && status !== 410) {
      throw new Refused(status, answerOf('')) // the library would begin a new upload
    }
    const link = response.getHeader('Upload-Read-Link')
    if (link) this.page = pageOf(link)
    const offset = Number(response.getHeader('Upload-Offset') ?? NaN)
    if (status < 300 && offset >= 0) this.arrived = offset
    if (status < 300) this.reached = true
  }

  private finish(): void {
    this.sent = this.file.size
    this.enter('done')
  }

  private async broke(error: Error): Promise<void> {
    const refused = refusedOf(error) // first: an aborted request has forgotten its answer
    this.stop()
    switch (remedyOf(refused.status, refused.code)) {
      case 'key':
        this.hooks.keyWanted() // first: what waits is started while it may be
        this.enter('waiting')
        return
      case 'person':
        this.fail(refusalWords(refused))
        return
      case 'smaller':
        if (this.limit === limits.length - 1) return this.fail(refusalWords(refused))
        this.limit++
        break
      case 'again':
        // The box is there, and takes nothing: whoever answers before all is sent is often not heard, less at a time is.
        if (this.reached && this.tries > 1 && this.arrived <= this.before && this.limit < limits.length - 1) this.limit++
        if (refused.status === 0 && !(await readable(this.file))) return this.fail('This file can no longer be read. Choose it again.')
        if (this.phase !== 'sending') return // the person was faster
    }
    this.later()
  }

  private later(): void {
    if (this.arrived > this.before) this.tries = 0
    this.before = this.arrived
    this.enter('lost')
    this.timer = setTimeout(() => this.resume(), pauseBefore(this.tries++, Math.random()))
  }

  private fail(words: string): void {
    this.words = words
    this.tries = 0
    this.enter('failed')
  }

  private stop(): void {
    clearTimeout(this.timer)
    void this.upload.abort()
  }

  private enter(phase: Phase): void {
    this.phase = phase
    if (!this.open) this.release()
    this.hooks.changed()
  }
}

function refusedOf(error: Error): Refused {
  if (!(error instanceof DetailedError)) return new Refused(0, { code: '', text: error.message })
  if (error.causingError instanceof Refused) return error.causingError
  const response = error.originalResponse
  return new Refused(response?.getStatus() ?? 0, answerOf(response?.getBody() ?? ''))
}

/** A file that was moved, changed or unplugged since it was chosen can be read no more. */
async function readable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer()
    return true
  } catch {
    return false
  }
}
