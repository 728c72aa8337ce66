import { ask } from '../ask.ts'

/** What the box says of its certificate (/api/certificate). Times are RFC 3339. */
export interface Said {
  private: boolean
  root?: string
  profile?: string // the root as a configuration profile, for Apple's devices
  fingerprint?: string
  since?: string
  until?: string
  constrained?: boolean
  earlier?: { fingerprint: string; until?: string } // the root before; until: it is good as long
  https?: number // the port
  name?: string // what to call the box there, so that all devices trust it
}

export async function askBox(): Promise<Said> {
  const answer = await ask('/api/certificate')
  if (!answer.ok) throw new Error(answer.statusText)
  return (await answer.json()) as Said
}
