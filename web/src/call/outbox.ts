/** A message on its way: its id lets the server tell the second time from the first. */
export interface Letter {
  id: string
  to: string
  payload: unknown
}

/**
 * Keeps what was sent until the server has it, so that nothing is lost or comes
 * out of order when the line to the server breaks and is mended.
 */
export class Outbox {
  private readonly letters = new Map<string, Letter>()
  private sent = 0
  private readonly limit: number

  /** An old server acknowledges nothing: at most limit letters are kept. */
  constructor(limit = 500) {
    this.limit = limit
  }

  put(payload: unknown, to: string): Letter {
    const letter = { id: String(++this.sent), to, payload }
    this.letters.set(letter.id, letter)
    if (this.letters.size > this.limit) {
      const [oldest] = this.letters.keys()
      this.letters.delete(oldest!)
    }
    return letter
  }

  arrived(id: string): void {
    this.letters.delete(id)
  }

  /** What may not have arrived, in the order it was written. */
  waiting(): Letter[] {
    return [...this.letters.values()]
  }

  /** Those letters' addressees know us no longer. */
  clear(): void {
    this.letters.clear()
  }
}
