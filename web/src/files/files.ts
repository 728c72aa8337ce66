import '../look/page.css'
import './files.css'
import { Unreachable } from '../ask.ts'
import { Awake } from '../awake.ts'
import { byId, setText } from '../element.ts'
import { count } from '../phrase.ts'
import { Poll } from '../poll.ts'
import { ShareSheet } from '../share/share.ts'
import { listFiles, removeFile, type BoxFile } from './box.ts'
import { merge, type Action, type Entry } from './entry.ts'
import { Identity, ownStorage } from './identity.ts'
import { takeFiles } from './intake.ts'
import { FileList } from './list.ts'
import { Outbox } from './outbox.ts'
import { sure } from './question.ts'
import { Refused } from './refused.ts'
import type { Sending } from './sending.ts'
import { acceptShared, sharedFiles, type Shared } from './shared.ts'
import { forget, unfinished } from './unfinished.ts'

/*
 * The files page: sends files, and shows those of whose key it is. The scene of
 * #stage: asking (the box has not answered yet), key (it wants one), ready.
 */
type Scene = 'asking' | 'key' | 'ready'

const stage = byId('stage')
const identity = new Identity(ownStorage())
const awake = new Awake()
const sheet = new ShareSheet('Whoever has the link gets the file', 'the file')
const outbox = new Outbox({ changed: soon, keyWanted: () => askForKey(), headers: () => identity.headers })
const list = new FileList<Sending>(byId('files'), (action, entry) => void act(action, entry))
const keys = new Map<Sending, string>() // a row of each that stays the same

let onBox: BoxFile[] = []
let begun: ReadonlySet<string> = new Set() // paths of uploads begun in this browser
let failures = 0
let tried = false // whether a key was just typed
let drawn = false // whether a drawing is due
const told = new Map<Sending, string>() // what was last said of each
const shared = new Map<File, Shared>() // what came by the share sheet

takeFiles(add)
acceptShared()
void sharedFiles().then((all) => {
  for (const s of all) shared.set(s.file, s)
  add(all.map((s) => s.file))
})
byId('key-form').addEventListener('submit', (e) => {
  e.preventDefault()
  identity.take(byId<HTMLInputElement>('key').value)
  tried = true
  void poll.now()
})
byId('other-key').addEventListener('click', () => {
  identity.take('')
  askForKey()
})

const poll = new Poll(refresh, () => (document.hidden && !outbox.busy ? undefined : pause()))
setInterval(() => {
  outbox.tick(performance.now())
  draw()
}, 1000)

function add(files: readonly File[]): void {
  if (files.length === 0) return
  outbox.add(files)
  say(files.length === 1 ? `${files[0]!.name} added` : `${count(files.length, 'file')} added`)
}

async function refresh(): Promise<void> {
  const asked = identity.headers['Authorization']
  try {
    const files = await listFiles(identity.headers)
    begun = await unfinished()
    if (asked !== identity.headers['Authorization']) return void poll.now()
    onBox = files
    if (failures > 0) outbox.hurry()
    failures = 0
    if (stage.dataset['scene'] !== 'ready') enter('ready')
  } catch (error) {
    if (error instanceof Refused && (error.status === 401 || error.status === 403)) askForKey()
    else if (error instanceof Unreachable || error instanceof Refused) failures++
    else throw error
  }
  byId('trouble').hidden = failures < 2 // one lost answer is not worth a word
  draw()
}

/** How long the list is good for, ms. */
function pause(): number {
  if (failures > 0) return 1500
  if (stage.dataset['scene'] === 'key') return 60_000
  return onBox.some((f) => f.state !== 'complete') ? 2000 : 10_000
}

function enter(scene: Scene): void {
  stage.dataset['scene'] = scene
  byId('key-section').hidden = scene !== 'key'
  byId('drop').hidden = scene === 'key'
  byId('other-key').hidden = scene !== 'ready' || !identity.keyed
  if (scene === 'key') byId('key').focus()
  outbox.opened = scene === 'ready'
}

/** Shows the form for the key; what was typed before is wrong, if anything was. */
function askForKey(): void {
  const wrong = identity.keyed
  const field = byId<HTMLInputElement>('key')
  byId('key-wrong').hidden = !wrong
  if (wrong) field.setAttribute('aria-invalid', 'true')
  else field.removeAttribute('aria-invalid')
  if (stage.dataset['scene'] !== 'key') enter('key')
  if (tried) field.select()
  tried = false
  onBox = []
  soon()
}

async function act(action: Action, { sending, file }: Entry<Sending>): Promise<void> {
  const name = file?.name ?? sending!.name
  switch (action) {
    case 'pause':
      return sending!.pause()
    case 'resume':
    case 'retry':
      return sending!.resume()
    case 'choose':
      return byId('picked').click()
    case 'share':
      return sheet.show(location.origin + (sending?.page || file!.page), name)
    case 'open':
      return
    case 'cancel':
      if (!(await sure(`Stop sending ${name}?`, 'What has arrived is deleted.', 'Stop sending'))) return
      await attempt(sending!.cancel())
      void shared.get(sending!.file)?.forget()
      outbox.remove(sending!)
      break
    case 'delete': {
      if (!(await sure(`Delete ${name}?`, 'Its link stops working for everybody.', 'Delete'))) return
      const path = file?.upload || sending?.path
      if (path && !(await attempt(removeFile(path, identity.headers)))) return
      if (path) await forget(path)
      onBox = onBox.filter((f) => f !== file)
      if (sending) outbox.remove(sending)
      break
    }
  }
  say(`${name} deleted`)
  draw()
  void poll.now()
}

/** Waits for something that the person wanted; when it fails, says so. */
async function attempt(doing: Promise<unknown>): Promise<boolean> {
  try {
    await doing
    return true
  } catch (error) {
    say(error instanceof Refused ? `The box refused it: ${error.message}` : 'The box does not answer. Try again in a moment.', true)
    return false
  }
}

/** Draws when there is time: progress comes many times a second. */
function soon(): void {
  if (drawn) return
  drawn = true
  setTimeout(draw, 100)
}

function draw(): void {
  drawn = false
  const entries = merge(outbox.all, onBox, begun, keyOf)
  list.show(entries, Date.now())
  byId('files-section').hidden = entries.length === 0
  awake.set(outbox.all.some((s) => s.phase === 'sending' || s.phase === 'lost'))
  title()
  tell()
}

function keyOf(s: Sending): string {
  let key = keys.get(s)
  if (!key) keys.set(s, (key = `sending-${keys.size}`))
  return key
}

function title(): void {
  const open = outbox.all.filter((s) => s.open)
  const all = open.reduce((n, s) => n + s.file.size, 0)
  const sent = open.reduce((n, s) => n + s.sent, 0)
  document.title = open.length === 0 ? 'Files · PSE' : `${all > 0 ? Math.floor((100 * sent) / all) : 0}% · Files · PSE`
}

/** Says what happened to files, never how far they are: that is shown, and read by who asks for it. */
function tell(): void {
  for (const s of outbox.all) {
    if ((told.get(s) ?? 'waiting') === s.phase) continue
    told.set(s, s.phase)
    if (s.phase === 'done') {
      say(`${s.name} is sent`)
      void shared.get(s.file)?.forget()
      void poll.now()
    }
    if (s.phase === 'lost') say(`Connection lost. ${s.name} goes on by itself.`)
    if (s.phase === 'failed') say(`${s.name}: ${s.words}`)
  }
}

function say(words: string, loud = false): void {
  setText(byId('said'), words)
  byId('refusal').hidden = !loud
  if (loud) setText(byId('refusal'), words)
}
