/** A message on its way: its id lets the server tell the second time from the first. */
export interface QueuedMessage {
  id: string
  to: string
  payload: unknown
}

/**
 * Keeps what was sent until the server has it, so that nothing is lost or comes
 * out of order when the line to the server breaks and is mended.
 */
export class SendQueue {
  private readonly messages = new Map<string, QueuedMessage>()
  private sent = 0
  private readonly limit: number

  /** An old server acknowledges nothing: at most limit messages are kept. */
  constructor(limit = 500) {
    this.limit = limit
  }

  put(payload: unknown, to: string): QueuedMessage {
    const message = { id: String(++this.sent), to, payload }
    this.messages.set(message.id, message)
    if (this.messages.size > this.limit) {
      const [oldest] = this.messages.keys()
      this.messages.delete(oldest!)
    }
    return message
  }

  arrived(id: string): void {
    this.messages.delete(id)
  }

  /** What may not have arrived, in the order it was written. */
  waiting(): QueuedMessage[] {
    return [...this.messages.values()]
  }

  /** Those messages' addressees know us no longer. */
  clear(): void {
    this.messages.clear()
  }
}
