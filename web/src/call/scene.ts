/** What the call page shows. */
export type Scene =
  | 'ask' // the address names no room, or none that can be
  | 'prejoin'
  | 'joining'
  | 'call'
  | 'passphrase'
  | 'full'
  | 'refused'
  | 'limit'
  | 'ended' // left by the person
  | 'elsewhere' // the server ended it

/** Why the server did not let us in: its code, and its words. */
export type Refusal = 'passphrase' | 'refused' | 'limit' | 'name'

/** The scene a refusal leads to. */
export function sceneOfRefusal(code: unknown): Scene {
  switch (code) {
    case 'passphrase':
      return 'passphrase'
    case 'limit':
      return 'limit'
    case 'name':
      return 'ask'
    default:
      return 'refused'
  }
}

export interface Words {
  title: string
  text: string
  /** What the button says that leads on; none: there is a form or nothing to do. */
  again?: string
}

/** What is said in each scene that is mostly words. */
export const words: Record<Exclude<Scene, 'ask' | 'prejoin' | 'call'>, Words> = {
  joining: { title: 'Joining', text: '' },
  passphrase: { title: 'This call has a passphrase', text: 'Ask whoever invited you.' },
  full: { title: 'The call is full', text: 'Try again when someone has left.', again: 'Try again' },
  refused: { title: 'You were not let in', text: 'The box refused this call.', again: 'Try again' },
  limit: { title: 'Too many tries', text: 'The box lets in only so many at once. Wait a minute.', again: 'Try again' },
  ended: { title: 'You left the call', text: '', again: 'Join again' },
  elsewhere: { title: 'The call was ended', text: 'The box closed it.', again: 'Join again' },
}
