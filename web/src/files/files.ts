import '../look/page.css'
import './files.css'
import { Unreachable } from '../ask.ts'
import { Awake } from '../awake.ts'
import { byId, setText } from '../element.ts'
import { count } from '../phrase.ts'
import { Poll } from '../poll.ts'
import { ShareSheet } from '../share/share.ts'
import { makeLink, removeFile, revokeLink, type BoxFile } from './box.ts'
import { Catalog } from './catalog.ts'
import { merge, pageOf, type Action, type Entry } from './entry.ts'
import { Identity, ownStorage } from './identity.ts'
import { takeFiles } from './intake.ts'
import { endWords, type Link } from './link.ts'
import { Links } from './links.ts'
import { FileList } from './list.ts'
import { Offer } from './offer.ts'
import { Outbox } from './outbox.ts'
import { sure } from './question.ts'
import { Refused, troubleWords } from './refused.ts'
import type { Sending } from './sending.ts'
import { acceptShared, sharedFiles, takeUnshelved, type Shared } from './shared.ts'
import { forget, unfinished } from './unfinished.ts'

/*
 * The files page: sends files, and shows those of the key that was typed. The scene of
 * #stage: asking (the box has not answered yet), key (it wants one), ready.
 */
type Scene = 'asking' | 'key' | 'ready'

const stage = byId('stage')
const identity = new Identity(ownStorage())
const awake = new Awake()
const sheet = new ShareSheet('Whoever has the link gets the file', 'the file')
const outbox = new Outbox({ changed: soon, keyWanted: () => askForKey(), headers: () => identity.headers })
const list = new FileList<Sending>(byId('files'), (action, entry) => void act(action, entry))
const links = new Links({
  make: async (file, seconds, label) => {
    const link = await makeLink(file, seconds, label, identity.headers)
    changeLinks(file, (all) => [...all, link])
    return link
  },
  revoke: async (file, link) => {
    await revokeLink(file, link, identity.headers)
    changeLinks(file, (all) => all.filter((l) => l.key !== link.key))
  },
  closed: (file) => (stage.dataset['scene'] === 'key' ? byId('key').focus() : list.focusOn(file, 'links')),
  share: (file, link) => sheet.show(location.origin + link.page, file.name, endWords(link, Date.now())),
})
const catalog = new Catalog()
const keys = new Map<Sending, string>() // a row of each that stays the same

let onBox: BoxFile[] = []
let begun: ReadonlySet<string> = new Set() // paths of uploads begun in this browser
let changes = 0 // how often something was changed from here: an answer to what was asked before is old
let failures = 0
let tried = false // whether a key was just typed
let drawn = false // whether a drawing is due
const told = new Map<Sending, string>() // what was last said of each
const made = new Set<string>() // paths of uploads made here that the box was asked about
const shared = new Map<File, Shared>() // what came by the share sheet

takeFiles(add)
acceptShared()
const offer = new Offer({
  send,
  drop: (all) => all.forEach((s) => void s.forget()),
  answered: () => byId(stage.dataset['scene'] === 'key' ? 'key' : 'pick').focus(),
})
void sharedFiles().then((all) => {
  send(all.filter((s) => s.wanted))
  offer.show(all.filter((s) => !s.wanted))
})
if (takeUnshelved()) say('Not all of what was shared has room here. Choose it on this page to send it.', true)
byId('key-form').addEventListener('submit', (e) => {
  e.preventDefault()
  identity.take(byId<HTMLInputElement>('key').value)
  tried = true
  changed()
})
byId('other-key').addEventListener('click', () => {
  identity.take('')
  changes++
  catalog.refresh()
  askForKey()
})
byId('older').addEventListener('click', () => {
  catalog.extend()
  changed()
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

/** Sends what was shared and is wanted, over reloads until it is sent. */
function send(all: readonly Shared[]): void {
  for (const s of all) {
    s.want()
    shared.set(s.file, s)
  }
  add(all.map((s) => s.file))
}

/** Something was changed from here: the box is asked what it has now. */
function changed(): void {
  changes++
  catalog.refresh()
  poll.again()
}

async function refresh(): Promise<void> {
  const asked = changes
  try {
    const files = await catalog.load(identity.headers, failures === 0 && !moving())
    begun = await unfinished()
    if (asked !== changes) return
    onBox = files
    if (failures > 0) outbox.hurry()
    failures = 0
    if (stage.dataset['scene'] !== 'ready') enter('ready')
  } catch (error) {
    if (asked !== changes) return
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
  if (moving()) return 2000
  return catalog.waits ? 500 : 10_000
}

/** Whether anything is on its way: the list is another one all the time. */
function moving(): boolean {
  return outbox.busy || onBox.some((f) => f.state === 'sending' || f.state === 'checking')
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

async function act(action: Action, entry: Entry<Sending>): Promise<void> {
  const { sending, file } = entry
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
      return share(entry)
    case 'links':
      return links.show(file!)
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
  changed()
}

/** Shows the link of a file that lasts longest. */
function share(entry: Entry<Sending>): void {
  const page = pageOf(entry)
  const link = entry.file?.links.find((l) => l.page === page)
  sheet.show(location.origin + page, entry.file?.name ?? entry.sending!.name, link && endWords(link, Date.now()))
}

/** Takes into the list what has become of a file's links, until the box is asked again. */
function changeLinks({ upload }: BoxFile, how: (all: readonly Link[]) => Link[]): void {
  onBox = onBox.map((f) => (f.upload === upload ? { ...f, links: how(f.links) } : f))
  draw()
  changed()
}

/** Waits for something that the person wanted; when it fails, says so. */
async function attempt(doing: Promise<unknown>): Promise<boolean> {
  try {
    await doing
    return true
  } catch (error) {
    say(troubleWords(error), true)
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
  links.update(onBox)
  byId('files-section').hidden = entries.length === 0
  byId('older').hidden = !catalog.more
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

/** Asks the box about what is new on it; says what happened to files, never how far they are: that is shown, and a screen reader reads it on request. */
function tell(): void {
  for (const s of outbox.all) {
    if (s.path !== undefined && !made.has(s.path)) {
      made.add(s.path)
      poll.again()
    }
    if ((told.get(s) ?? 'waiting') === s.phase) continue
    told.set(s, s.phase)
    if (s.phase === 'done') {
      say(`${s.name} is sent`)
      void shared.get(s.file)?.forget()
      poll.again()
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
