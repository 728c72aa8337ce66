import { byId, setText } from '../element.ts'
import { makeSheet } from '../share/sheet.ts'
import type { BoxFile } from './box.ts'
import { ended, ends, nameOf, type Link } from './link.ts'
import { LinkRow } from './link-row.ts'
import { sure } from './question.ts'
import { troubleWords } from './refused.ts'

/** How long a link works unless a person wants otherwise, s. */
const USUAL = 7 * 86_400

/** What the dialog of links has done by others. */
export interface LinksHooks {
  /** Makes a link that works for so many seconds; undefined: as long as the file. */
  make(file: BoxFile, seconds: number | undefined, label: string): Promise<Link>
  revoke(file: BoxFile, link: Link): Promise<void>
  share(file: BoxFile, link: Link): void
  /** The dialog was closed. The button that opened it may be another by now. */
  closed(file: BoxFile): void
}

/** The dialog with the links of one file: who may have it, and for how long. */
export class Links {
  private readonly sheet: HTMLDialogElement
  private readonly list = byId('links-list')
  private readonly form = byId<HTMLFormElement>('link-form')
  private readonly label = byId<HTMLInputElement>('link-label')
  private readonly end = byId<HTMLSelectElement>('link-end')
  private readonly rows = new Map<string, LinkRow>() // by the link's key
  private readonly hooks: LinksHooks
  private file: BoxFile | undefined // while it is open

  constructor(hooks: LinksHooks) {
    this.hooks = hooks
    const content = byId('links')
    content.hidden = false
    this.sheet = makeSheet('links-sheet', '', content)
    this.sheet.classList.add('wide')
    this.sheet.addEventListener('close', () => {
      if (!this.sheet.open) this.closed() // it comes late, and may find the sheet open again
    })
    this.end.append(...ends.map(({ words, seconds }) => new Option(words, String(seconds), seconds === USUAL)))
    this.form.addEventListener('submit', (e) => {
      e.preventDefault()
      void this.make()
    })
  }

  private closed(): void {
    const { file } = this
    this.file = undefined
    if (file) this.hooks.closed(file)
  }

  show(file: BoxFile): void {
    this.closed()
    setText(byId('links-sheet-title'), `Links to ${file.name}`)
    for (const row of this.rows.values()) row.element.remove()
    this.rows.clear()
    this.form.reset()
    this.say()
    this.draw(file)
    this.sheet.showModal()
  }

  /** Shows what has become of the file, if it is the one: its links now, at a time (unix ms). */
  update(files: readonly BoxFile[]): void {
    if (!this.file) return
    const now = files.find((f) => f.upload === this.file!.upload)
    if (now) this.draw(now)
    else this.sheet.close()
  }

  private draw(file: BoxFile): void {
    this.file = file
    const now = Date.now()
    const wanted = new Set(file.links.map((l) => l.key))
    for (const [key, row] of this.rows) if (!wanted.has(key)) this.remove(key, row)
    for (const link of file.links) {
      let row = this.rows.get(link.key)
      if (!row) {
        row = new LinkRow({ share: () => this.hooks.share(this.file!, this.find(link)), revoke: () => void this.revoke(this.find(link)) })
        this.rows.set(link.key, row)
        this.list.append(row.element)
      }
      row.update(link, now)
    }
    byId('links-none').hidden = file.links.some((l) => !ended(l, now))
  }

  /** What is known of a link now. */
  private find(link: Link): Link {
    return this.file?.links.find((l) => l.key === link.key) ?? link
  }

  private remove(key: string, row: LinkRow): void {
    const { focused } = row
    row.element.remove()
    this.rows.delete(key)
    if (!focused) return
    const [other] = this.rows.values()
    if (other) other.focus()
    else this.label.focus()
  }

  private async make(): Promise<void> {
    const file = this.file!
    await this.attempt(async () => {
      const link = await this.hooks.make(file, ends[this.end.selectedIndex]!.seconds, this.label.value.trim())
      this.form.reset()
      this.say('The link is made')
      if (this.file) this.hooks.share(this.file, link)
    })
  }

  private async revoke(link: Link): Promise<void> {
    const file = this.file!
    const question = `Whoever has it can no longer open ${file.name}. Other links go on working.`
    if (!ended(link, Date.now()) && !(await sure(`Take back “${nameOf(link)}”?`, question, 'Take it back'))) return
    await this.attempt(async () => {
      await this.hooks.revoke(file, link)
      this.say(`${nameOf(link)} is taken back`)
    })
  }

  /** Does something that the person wanted, once at a time; when it fails, says so. */
  private async attempt(doing: () => Promise<void>): Promise<void> {
    if (this.sheet.ariaBusy === 'true') return
    this.sheet.ariaBusy = 'true'
    this.say()
    try {
      await doing()
    } catch (error) {
      this.say('', troubleWords(error))
    } finally {
      this.sheet.ariaBusy = 'false'
    }
  }

  /** What lies below a dialog is not read out: it says for itself what was done, and what was not. */
  private say(done = '', trouble = ''): void {
    setText(byId('links-said'), done)
    byId('links-trouble').hidden = trouble === ''
    setText(byId('links-trouble'), trouble)
  }
}
