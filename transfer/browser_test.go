package transfer

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/helios-h2020/pse/internal/browser"
)

// elsewhere is a page of another origin that sends with tus-js-client and
// reads what it sent.
const elsewhere = `<!doctype html><title>elsewhere</title><script src="/tus.js"></script><script>
async function send(endpoint, key, size, options) {
  const body = new Uint8Array(size)
  for (let i = 0; i < size; i++) body[i] = i * 31 + (i >> 11)
  let link
  const url = await new Promise((done, fail) => {
    const u = new tus.Upload(new Blob([body]), {
      endpoint, headers: { Authorization: 'Bearer ' + key }, metadata: { filename: 'x.bin' }, retryDelays: [],
      onAfterResponse: (_, res) => { link = res.getHeader('Upload-Read-Link') || link },
      onSuccess: () => done(u.url), onError: fail, ...options,
    })
    u.start()
  })
  if (!link) return 'no link'
  const got = new Uint8Array(await (await fetch(link)).arrayBuffer())
  if (got.length !== size || got.some((b, i) => b !== body[i])) return 'other bytes'
  const part = await fetch(link, { headers: { Range: 'bytes=10-19' } })
  if (part.status !== 206 || part.headers.get('Content-Range') !== 'bytes 10-19/' + size) return 'no range'
  const api = await (await fetch(new URL('/api/files', endpoint), { headers: { Authorization: 'Bearer ' + key } })).json()
  return api.files.some((f) => f.size === size && f.complete) ? 'sent ' + url : 'not listed'
}
</script>`

// tus-js-client in Chromium, on a page of another origin.
func TestBrowserOfAnotherOrigin(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Open = false })
	key, err := r.keys.Add(t.Context(), "browser", "")
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, elsewhere) })
	mux.HandleFunc("/tus.js", func(w http.ResponseWriter, q *http.Request) {
		http.ServeFile(w, q, "clienttest/node_modules/tus-js-client/dist/tus.min.js")
	})
	page := httptest.NewServer(mux)
	defer page.Close()
	chrome, err := browser.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer chrome.Close()
	p, err := chrome.Open(page.URL+"/", 800, 600)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Wait(`typeof tus === 'object'`, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	for i, options := range []string{`{}`, `{chunkSize: 100000}`, `{parallelUploads: 3}`, `{uploadDataDuringCreation: true, chunkSize: 200000}`} {
		got, err := browser.Eval[string](p, fmt.Sprintf(`send(%q, %q, %d, %s).catch(String)`, r.url+filesRoot, key.Secret, 1_000_000+i, options))
		if err != nil || len(got) < 5 || got[:5] != "sent " {
			t.Errorf("%s: %q, %v; the console said %q", options, got, err, p.Problems())
		}
	}
}
