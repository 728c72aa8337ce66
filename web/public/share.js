// What the system's share sheet sends to this app (share_target in the
// manifest) comes as a POST to /share. This service worker, whose scope is that
// path alone, puts the files on a shelf, where the files page finds them and asks
// the person whether to send them, and leads there.
//
// Any website can have a browser post a form to /share, and nothing that is seen
// here tells that from the share sheet for sure. So nothing is sent for it, and
// the shelf is bounded, for one share and for all together.
const MOST_FILES = 100
const MOST_BYTES = 2 * 1024 ** 3
const KEPT_MS = 24 * 60 * 60 * 1000

let last = Promise.resolve() // one after the other, or two would each find room

addEventListener('install', () => skipWaiting())

addEventListener('fetch', (event) => {
  if (event.request.method !== 'POST') return
  const answer = last.then(() => take(event.request)).catch(() => 'some')
  last = answer
  event.respondWith(answer.then((left) => Response.redirect(left ? '/files?unshelved' : '/files', 303)))
})

/** Puts what a request brings on the shelf; true: not all of it. */
async function take(request) {
  if (request.destination !== 'document' || ofAnotherSite(request.referrer)) return false
  const files = (await request.formData()).getAll('files').filter((file) => file instanceof File)
  const shelf = await caches.open('pse-shared')
  let { count, bytes } = await room(shelf)
  for (const file of files) {
    if (--count < 0 || (bytes -= file.size) < 0) return true
    const headers = { 'X-Name': encodeURIComponent(file.name), 'X-Type': file.type, 'X-Modified': String(file.lastModified), 'X-Size': String(file.size), 'X-At': String(Date.now()) }
    await shelf.put(`/share/${crypto.randomUUID()}`, new Response(file, { headers })) // fails when the browser has no room
  }
  return false
}

/** A share sheet is no page: it names none, or one of ours that was open before. */
function ofAnotherSite(referrer) {
  return /^https?:/.test(referrer) && new URL(referrer).origin !== location.origin
}

/** What the shelf still takes, when what is there for too long is gone. */
async function room(shelf) {
  let count = MOST_FILES
  let bytes = MOST_BYTES
  for (const kept of await shelf.keys()) {
    const headers = (await shelf.match(kept))?.headers
    if (!headers?.has('X-Size') || Date.now() - Number(headers.get('X-At')) > KEPT_MS) {
      await shelf.delete(kept)
      continue
    }
    count--
    bytes -= Number(headers.get('X-Size'))
  }
  return { count, bytes }
}
