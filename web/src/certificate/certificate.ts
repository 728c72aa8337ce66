import '../look/page.css'
import './certificate.css'
import { byId } from '../element.ts'
import { systemOf } from './system.ts'

/** What the box says of its certificate (/api/certificate). */
interface Said {
  private: boolean
  root?: string
  fingerprint?: string
  https?: number // the port
}

const system = systemOf(navigator.userAgent, navigator.maxTouchPoints)
for (const d of document.querySelectorAll('details')) d.open = d.dataset['system'] === system

try {
  const answer = await fetch('/api/certificate')
  if (!answer.ok) throw new Error(answer.statusText)
  show((await answer.json()) as Said)
} catch {
  byId('trouble').hidden = false
}

function show(said: Said): void {
  byId('private').hidden = !said.private
  byId('public').hidden = said.private
  if (said.root) byId<HTMLAnchorElement>('root').href = said.root
  byId('fingerprint').textContent = said.fingerprint ?? ''
  if (said.https && location.protocol !== 'https:') {
    const secure = byId<HTMLAnchorElement>('secure')
    secure.href = `https://${location.hostname}:${said.https}/`
    secure.hidden = false
  }
}
