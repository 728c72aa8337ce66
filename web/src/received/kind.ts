/** How a browser can show a file. */
export type Kind = 'picture' | 'video' | 'audio' | 'text' | 'pdf' | 'none'

const pictures = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/bmp', 'image/avif'])
const texts = new Set(['application/json', 'application/x-ndjson', 'application/yaml', 'application/toml', 'application/x-sh', 'application/sql'])

/**
 * What to show of a file of this media type. Texts are only ever shown as text,
 * so it does not matter what else they are; SVG is not: it may be a program.
 */
export function kindOf(type: string, pdf: boolean): Kind {
  const base = type.split(';', 1)[0]!.trim().toLowerCase()
  if (pictures.has(base)) return 'picture'
  if (base === 'application/pdf') return pdf ? 'pdf' : 'none'
  if (base === 'application/ogg' || base.startsWith('audio/')) return 'audio'
  if (base.startsWith('video/')) return 'video'
  if (base.startsWith('text/') || texts.has(base)) return 'text'
  return 'none'
}
