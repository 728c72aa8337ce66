const NAME = 'pse.files'

interface Kept {
  key: string // typed by a person; empty: none
  token: string // made here
}

/**
 * What files are shown and sent by: the key that a person typed, or, on a box
 * without keys, this browser's token, which is made once.
 */
export class Identity {
  private readonly storage: Storage | undefined
  private kept: Kept

  constructor(storage: Storage | undefined, random: () => string = token) {
    this.storage = storage
    this.kept = read(storage) ?? { key: '', token: random() }
    this.write()
  }

  /** Whether a person gave a key. */
  get keyed(): boolean {
    return this.kept.key !== ''
  }

  get headers(): Record<string, string> {
    return { Authorization: `Bearer ${this.kept.key || this.kept.token}` }
  }

  take(key: string): void {
    this.kept = { ...this.kept, key: key.trim() }
    this.write()
  }

  private write(): void {
    try {
      this.storage?.setItem(NAME, JSON.stringify(this.kept))
    } catch {
      // full, or forbidden: it lasts as long as the page
    }
  }
}

/** This browser's storage, if the page may have it. */
export function ownStorage(): Storage | undefined {
  try {
    return localStorage
  } catch {
    return undefined
  }
}

function read(storage: Storage | undefined): Kept | undefined {
  try {
    const kept = JSON.parse(storage?.getItem(NAME) ?? '') as Partial<Kept>
    if (typeof kept.token !== 'string' || kept.token.length < 32) return undefined
    return { key: typeof kept.key === 'string' ? kept.key : '', token: kept.token }
  } catch {
    return undefined
  }
}

function token(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
}
