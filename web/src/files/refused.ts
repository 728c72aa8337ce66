/** The box said no. code is its word for programs; empty when somebody between said it. */
export class Refused extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, answer: { code: string; text: string }) {
    super(answer.text || `the box answered ${status}`)
    this.status = status
    this.code = answer.code
  }
}

/** Reads an error as the box writes it: {"error", "code"}, or "ERR_CODE: text" within tus. */
export function answerOf(body: string): { code: string; text: string } {
  try {
    const said = JSON.parse(body) as { error?: unknown; code?: unknown }
    return { code: typeof said.code === 'string' ? said.code : '', text: typeof said.error === 'string' ? said.error : '' }
  } catch {
    const tus = /^ERR_([A-Z0-9_]+): (.*)/.exec(body)
    return { code: tus?.[1]?.toLowerCase() ?? '', text: tus?.[2] ?? '' }
  }
}

/** What to do about a failed request of an upload. */
export type Remedy =
  | 'again' // by itself, in a moment
  | 'smaller' // again, with less in one request: somebody between does not take as much
  | 'key' // ask for a key
  | 'person' // nothing, until the person wants to try again

/** The remedy for an answer; status 0 is no answer at all. */
export function remedyOf(status: number, code: string): Remedy {
  switch (status) {
    case 401:
      return 'key'
    case 403:
      return code === 'no_key' || code === 'wrong_key' ? 'key' : 'person'
    case 413:
      return code === '' ? 'smaller' : 'person'
    case 408: // request timeout
    case 409: // another offset than ours: it is asked for anew
    case 423: // our own dead connection still holds it
    case 425:
    case 429:
    case 460: // damaged on the way
      return 'again'
    case 507:
      return 'person'
  }
  return status >= 400 && status < 500 ? 'person' : 'again'
}

const FIRST_MS = 1000
const LAST_MS = 30_000

/** How long to wait before try n (from 0) after a failure; chance is 0..1 and keeps many from coming at once. */
export function pauseBefore(n: number, chance: number): number {
  const pause = Math.min(LAST_MS, FIRST_MS * 2 ** Math.min(n, 10))
  return pause * (0.75 + chance / 4)
}

/** What to say when the box did not do what a person asked for. */
export function troubleWords(error: unknown): string {
  return error instanceof Refused ? `The box refused it: ${error.message}` : 'The box does not answer. Try again in a moment.'
}

/** What a refusal means to a person: what happened, and what to do next. */
export function refusalWords({ status, code, message }: Pick<Refused, 'status' | 'code' | 'message'>): string {
  switch (code) {
    case 'quota':
      return 'Your room on the box is used up. Delete files, then try again.'
    case 'too_many':
      return 'The box holds as many files as it may. Delete some, then try again.'
    case 'too_large':
    case 'max_size_exceeded':
      return 'The file is larger than this box takes.'
    case 'disk_full':
      return 'The disk of the box is full. What has arrived is kept; try again when there is room.'
  }
  if (status === 507) return 'The disk of the box is full. What has arrived is kept; try again when there is room.'
  if (status === 413) return 'The file is larger than this box takes.'
  return `The box refused it: ${message}.`
}
