export type System = 'iphone' | 'android' | 'windows' | 'mac' | 'linux'

/** The system that a browser runs on, by its User-Agent. An iPad says it were a Mac, but can be touched. */
export function systemOf(agent: string, touches: number): System {
  if (/iPhone|iPad|iPod/.test(agent) || (agent.includes('Macintosh') && touches > 1)) return 'iphone'
  if (agent.includes('Android')) return 'android'
  if (agent.includes('Windows')) return 'windows'
  if (agent.includes('Macintosh')) return 'mac'
  return 'linux'
}
