import '../look/page.css'
import './certificate.css'
import { byId } from '../element.ts'
import { day, have, had, renewal } from './renewal.ts'
import { askBox, type Said } from './said.ts'
import { systemOf } from './system.ts'

const system = systemOf(navigator.userAgent, navigator.maxTouchPoints)
for (const d of document.querySelectorAll('details')) d.open = d.dataset['system'] === system

try {
  show(await askBox())
} catch {
  byId('trouble').hidden = false
}

function show(said: Said): void {
  byId('private').hidden = !said.private
  byId('public').hidden = said.private
  const root = byId<HTMLAnchorElement>('root')
  if (said.root) root.href = said.root
  byId('fingerprint').textContent = said.fingerprint ?? ''
  if (said.until) byId('until').textContent = day(said.until)
  byId('narrow').hidden = !said.constrained
  byId('broad').hidden = said.constrained === true
  if (said.https && location.protocol !== 'https:') {
    const secure = byId<HTMLAnchorElement>('secure')
    secure.href = `https://${location.hostname}:${said.https}/`
    secure.hidden = false
  }
  showNews(said)
  for (const button of [root, byId('has')]) {
    button.addEventListener('click', () => {
      have(said.fingerprint ?? '')
      showNews(said)
    })
  }
}

/** Tells who has the root before that there is a new one. */
function showNews(said: Said): void {
  const text = renewal(said, Date.now(), had())
  byId('news').hidden = text === ''
  byId('news-text').textContent = text
  byId('earlier').textContent = said.earlier?.fingerprint ?? ''
}
