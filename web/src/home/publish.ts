import { ask } from '../ask.ts'

/** What the server says of where streams are published to: GET /api/publish. */
export interface Publishing {
  port: number // of RTMP
  app: string
  key: boolean // publishing needs one
  full?: boolean // the disk: no stream may begin
}

const usual: Publishing = { port: 1935, app: 'live', key: true }

/** Where to publish; as PSE has it by itself where the server does not say. */
export async function publishing(): Promise<Publishing> {
  try {
    const answer = await ask('/api/publish')
    if (answer.ok) return { ...usual, ...((await answer.json()) as Partial<Publishing>) }
  } catch {
    // not to be reached: the page says so elsewhere
  }
  return usual
}

/** The address to paste into OBS or an app, with NAME and KEY to replace. */
export function addressOf(host: string, { port, app, key }: Publishing): string {
  return `rtmp://${host}${port === 1935 ? '' : `:${port}`}/${app}/NAME${key ? '?key=KEY' : ''}`
}
