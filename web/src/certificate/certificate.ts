import '../look/page.css'
import './certificate.css'
import { byId, setText } from '../element.ts'
import { day, have, had, renewal } from './renewal.ts'
import { askBox, type Said } from './said.ts'
import { systemOf } from './system.ts'
import { trusts, verdict } from './trust.ts'

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
  if (said.profile && system === 'iphone') {
    root.href = said.profile
    root.removeAttribute('download') // it is opened, not kept
    root.textContent = 'Download the profile'
  }
  byId('fingerprint').textContent = said.fingerprint ?? ''
  if (said.until) byId('until').textContent = day(said.until)
  byId('narrow').hidden = !said.constrained
  byId('broad').hidden = said.constrained === true
  const over = `https://${location.hostname}:${said.https}/`
  if (said.https && location.protocol !== 'https:') {
    const secure = byId<HTMLAnchorElement>('secure')
    secure.href = over
    secure.hidden = false
  }
  if (said.https && said.name) {
    const named = byId<HTMLAnchorElement>('name')
    named.href = `https://${said.name}:${said.https}/`
    named.textContent = said.name
    byId('named').hidden = false
  }
  showNews(said)
  if (said.private && said.https) testTrust(said, `${over}api/certificate`)
  for (const button of [root, byId('has')]) {
    button.addEventListener('click', () => {
      have(said.fingerprint ?? '')
      showNews(said)
    })
  }
}

/** Tells whether the device trusts the box now: at once, when it is asked for, and when a person comes back from the settings. */
function testTrust(said: Said, address: string): void {
  const port = said.https ?? 0
  const text = byId('verdict-text')
  byId('verdict').hidden = false
  const test = async () => {
    const trust = await trusts(address, new URL(location.href))
    byId('verdict').dataset['trust'] = trust
    setText(text, verdict(trust, port))
    byId('again').hidden = trust === 'yes'
    // While two roots are good it may be the earlier one that the device has.
    if (trust === 'yes' && !said.earlier) have(said.fingerprint ?? '')
  }
  setText(text, 'Testing whether this device trusts the box …')
  byId('again').addEventListener('click', () => void test())
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void test()
  })
  void test()
}

/** Tells devices with the root before that there is a new one. */
function showNews(said: Said): void {
  const text = renewal(said, Date.now(), had())
  byId('news').hidden = text === ''
  byId('news-text').textContent = text
  byId('earlier').textContent = said.earlier?.fingerprint ?? ''
}
