import { byId, setText } from '../element.ts'

/** Asks before something is deleted; true: do it. */
export async function sure(title: string, text: string, yes: string): Promise<boolean> {
  const dialog = byId<HTMLDialogElement>('sure')
  setText(byId('sure-title'), title)
  setText(byId('sure-text'), text)
  setText(byId('sure-yes'), yes)
  dialog.returnValue = ''
  dialog.showModal()
  await new Promise((closed) => dialog.addEventListener('close', closed, { once: true }))
  return dialog.returnValue === 'yes'
}
