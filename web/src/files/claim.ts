const PREFIX = 'pse.upload:'

/**
 * Takes an upload for this page, so that no other tab sends it too; gives what
 * lets go of it, or undefined when another tab has it. Where the browser has no
 * locks (pages that are not secure) it is always free: the box keeps two
 * senders apart, they only slow each other down.
 */
export async function claim(path: string): Promise<(() => void) | undefined> {
  if (!navigator.locks) return () => undefined
  return new Promise((ready) => {
    void navigator.locks.request(PREFIX + path, { ifAvailable: true }, (lock) => {
      if (!lock) return ready(undefined)
      return new Promise<void>((letGo) => ready(letGo))
    })
  })
}

/** The paths that tabs of this browser send. */
export async function claimed(): Promise<Set<string>> {
  const held = (await navigator.locks?.query())?.held ?? []
  return new Set(held.flatMap(({ name }) => (name?.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : [])))
}
