import { ago, bytes, left, length } from '../phrase.ts'
import type { BoxFile } from './box.ts'
import type { Phase } from './sending.ts'

/** What a row needs to know of a sending. */
export interface Sent {
  readonly name: string
  readonly file: { readonly size: number }
  readonly phase: Phase
  readonly sent: number
  readonly words: string
  readonly page: string
  readonly path: string | undefined
  readonly rate: { readonly speed: number | undefined; left(more: number): number | undefined }
}

/** One file of the page: on its way from here, on the box, or both. */
export interface Entry<S extends Sent = Sent> {
  key: string
  sending?: S
  file?: BoxFile
  /** It was begun in this browser: the same file, chosen again, goes on. */
  ours: boolean
}

/** Puts together what is sent from here and what the box has: the box's name for a file makes them one. */
export function merge<S extends Sent>(sendings: readonly S[], files: readonly BoxFile[], ours: ReadonlySet<string>, keyOf: (s: S) => string): Entry<S>[] {
  const onBox = new Map(files.map((f) => [f.upload, f]))
  const entries: Entry<S>[] = sendings.map((sending) => {
    const file = sending.path === undefined ? undefined : onBox.get(sending.path)
    if (file) onBox.delete(sending.path!)
    return { key: keyOf(sending), sending, ...(file && { file }), ours: false }
  })
  const rest = [...onBox].map(([key, file]) => ({ key, file, ours: ours.has(key) }))
  const open = (e: Entry): boolean => e.file?.state === 'sending' && e.ours
  return [...entries.filter((e) => e.sending?.phase !== 'done'), ...rest.filter(open), ...entries.filter((e) => e.sending?.phase === 'done').reverse(), ...rest.filter((e) => !open(e))]
}

/** What a person can do with a file, in the order of the buttons. */
export type Action = 'pause' | 'resume' | 'retry' | 'choose' | 'share' | 'open' | 'links' | 'cancel' | 'delete'

export interface View {
  name: string
  /** For the look of the row, and for tests. */
  state: 'moving' | 'still' | 'trouble' | 'done'
  words: string
  /** 0..1 while it is not whole. */
  done?: number
  page: string
  actions: Action[]
}

/** How an entry is shown at a time (unix ms). */
export function viewOf(entry: Entry, now: number): View {
  const { sending, file, ours } = entry
  const page = pageOf(entry)
  if (sending && sending.phase !== 'done') return { ...viewOfSending(sending, links(page, file !== undefined)), page, name: file?.name ?? sending.name }
  if (file) return viewOfFile(file, ours, now, sending !== undefined)
  return { name: sending!.name, state: 'done', words: `${bytes(sending!.file.size)} · sent`, page, actions: [...links(page, false, true), 'delete'] }
}

/** Path of the page for whoever gets the file, by the link that lasts longest; empty: there is none. */
export function pageOf({ sending, file }: Entry): string {
  return file ? file.page : (sending?.page ?? '')
}

/** What can be done with the links of a file; which there are is known of one that the box lists. */
function links(page: string, listed: boolean, whole = false): Action[] {
  const actions: Action[] = page ? ['share'] : []
  if (page && whole) actions.push('open')
  if (listed) actions.push('links')
  return actions
}

function viewOfSending(s: Sent, link: readonly Action[]): Omit<View, 'page' | 'name'> {
  const { size } = s.file
  const done = size > 0 ? Math.min(1, s.sent / size) : 0
  const amount = `${bytes(s.sent)} of ${bytes(size)}`
  switch (s.phase) {
    case 'waiting':
      return { state: 'still', words: s.sent > 0 ? `Waiting · ${amount}` : `Waiting · ${bytes(size)}`, done, actions: ['pause', ...link, 'cancel'] }
    case 'paused':
      return { state: 'still', words: `Paused · ${amount}`, done, actions: ['resume', ...link, 'cancel'] }
    case 'lost':
      return { state: 'trouble', words: `Connection lost · ${amount} · goes on by itself`, done, actions: ['retry', ...link, 'cancel'] }
    case 'failed':
      return { state: 'trouble', words: s.words, ...(s.sent > 0 && { done }), actions: ['retry', 'cancel'] }
  }
  const { speed } = s.rate
  const time = s.rate.left(size - s.sent)
  const words =
    s.sent >= size && size > 0
      ? 'All sent · one moment'
      : [amount, speed === undefined ? '' : `${bytes(speed)}/s`, time === undefined ? '' : left(time)].filter(Boolean).join(' · ')
  return { state: 'moving', words, done, actions: ['pause', ...link, 'cancel'] }
}

function viewOfFile(f: BoxFile, ours: boolean, now: number, fromHere: boolean): View {
  const { name, page } = f
  const link = links(page, true)
  switch (f.state) {
    case 'sending': {
      const done = f.size > 0 ? f.offset / f.size : 0
      const amount = f.size >= 0 ? `${bytes(f.offset)} of ${bytes(f.size)}` : bytes(f.offset)
      return ours
        ? { name, state: 'trouble', words: `Not finished · ${amount} · choose the same file to go on`, done, page, actions: ['choose', ...link, 'delete'] }
        : { name, state: 'still', words: `${amount} · from another page or device`, done, page, actions: [...link, 'delete'] }
    }
    case 'part':
      return { name: 'Part of a file', state: 'still', words: `${bytes(f.offset)} · sent by another program, to be put together`, page, actions: ['delete'] }
    case 'checking':
      return { name, state: 'moving', words: `${bytes(f.size)} · the box looks at it`, done: 1, page, actions: ['delete'] }
    case 'corrupt':
      return { name, state: 'trouble', words: 'Damaged on the disk of the box. Send it again.', page, actions: ['delete'] }
  }
  const when = fromHere ? 'sent' : ago(now - (f.completedAt ?? f.createdAt))
  const until = f.expiresAt ? `gone in ${length(f.expiresAt - now)}` : ''
  return { name, state: 'done', words: [bytes(f.size), when, until, f.of && `sent by ${f.of}`].filter(Boolean).join(' · '), page, actions: [...links(page, true, true), 'delete'] }
}
