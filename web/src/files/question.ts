import { byId, setText } from '../element.ts'

/** The question before, until its answer is in: a dialog says that it closed a moment after it did. */
let before: Promise<unknown> = Promise.resolve()

/** Asks before something is deleted; true: do it. */
export function sure(title: string, text: string, yes: string): Promise<boolean> {
  const answer = before.then(() => ask(title, text, yes))
  before = answer
  return answer
}

async function ask(title: string, text: string, yes: string): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('sure')
  setText(byId('sure-title'), title)
  setText(byId('sure-text'), text)
  setText(byId('sure-yes'), yes)
  dialog.returnValue = ''
  dialog.showModal()
  await new Promise((closed) => dialog.addEventListener('close', closed, { once: true }))
  return dialog.returnValue === 'yes'
}
