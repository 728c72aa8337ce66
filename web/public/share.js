// What the system's share sheet sends to this app (share_target in the
// manifest) comes as a POST to /share. This service worker, whose scope is that
// path alone, puts the files where the files page looks for them and leads there.
addEventListener('install', () => skipWaiting())

addEventListener('fetch', (event) => {
  if (event.request.method === 'POST') event.respondWith(take(event.request))
})

async function take(request) {
  const form = await request.formData()
  const shelf = await caches.open('pse-shared')
  for (const file of form.getAll('files')) {
    if (!(file instanceof File)) continue
    const headers = { 'X-Name': encodeURIComponent(file.name), 'X-Type': file.type, 'X-Modified': String(file.lastModified) }
    await shelf.put(`/share/${crypto.randomUUID()}`, new Response(file, { headers }))
  }
  return Response.redirect('/files', 303)
}
