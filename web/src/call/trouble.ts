/** Why there is no camera or microphone, in words a person can act on. */

export type Trouble = 'insecure' | 'unsupported' | 'denied' | 'absent' | 'busy' | 'broken'

/** What the error of getUserMedia says. */
export function troubleOf(cause: unknown): Trouble {
  const name = cause instanceof Error ? cause.name : ''
  switch (name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
    case 'SecurityError':
      return 'denied'
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return 'absent'
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return 'busy'
    default:
      return 'broken'
  }
}

/** Why this page cannot even ask; undefined when it can. */
export function obstacle(secure: boolean, supported: boolean): Trouble | undefined {
  if (!secure) return 'insecure'
  return supported ? undefined : 'unsupported'
}

/** A title and what to do about it; what is "camera", "microphone" or both. */
export function troubleWords(trouble: Trouble, what: string): readonly [string, string] {
  switch (trouble) {
    case 'insecure':
      return ['The address must begin with https', `Browsers give no ${what} to a page that came unencrypted. Open it by its secure address; the first time, the phone must also trust this box's certificate.`]
    case 'unsupported':
      return [`This browser gives no ${what}`, 'Try a newer browser, or open the page in the browser itself and not inside another app.']
    case 'denied':
      return [`The ${what} may not be used`, 'Allow it in the browser: tap the icon beside the address, then reload. The system settings may forbid it to the browser, too.']
    case 'absent':
      return [`No ${what} was found`, 'Connect one and it is used at once, or join without.']
    case 'busy':
      return [`The ${what} is in use`, 'Another app or tab holds it. Close that one, then try again.']
    case 'broken':
      return [`The ${what} does not start`, 'Try again, or choose another one.']
  }
}
