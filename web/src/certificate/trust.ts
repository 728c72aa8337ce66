export type Trust = 'yes' | 'no' | 'unknown'

/** How long the box may take to answer over https, in milliseconds. */
const PATIENCE = 8000

/**
 * Whether this device trusts the certificate that a box has at an address. A
 * page that came by http loads something from there, which a browser refuses
 * without trust. A page that came from there itself may be an exception that
 * somebody made; it asks for a service worker, which no exception is good for.
 */
export async function trusts(address: string, page: URL): Promise<Trust> {
  try {
    if (page.protocol !== 'https:') {
      await fetch(address, { mode: 'no-cors', cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) })
    } else if ('serviceWorker' in navigator) {
      await navigator.serviceWorker.register('/share.js', { scope: '/share' }) // that of the files page
    } else {
      return 'unknown'
    }
    return 'yes'
  } catch (cause) {
    return cause instanceof DOMException && cause.name === 'TimeoutError' ? 'unknown' : 'no'
  }
}

/** What is said of it; port is that of https. */
export function verdict(trust: Trust, port: number): string {
  switch (trust) {
    case 'yes':
      return 'This device trusts the box: calls work without warnings.'
    case 'no':
      return (
        'This device does not trust the box yet. Install the root as shown below, all of the steps, and come back to this page. ' +
        `If that is done: close the browser once; and see that port ${port} of the box is open to this device.`
      )
    case 'unknown':
      return `Whether this device trusts the box cannot be told: port ${port} of the box does not answer. See that a firewall lets it through.`
  }
}
