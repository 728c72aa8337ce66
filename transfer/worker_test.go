package transfer

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/store"
)

// A file is sent in pieces, received, told of, and deleted.
func TestFileComesAndGoes(t *testing.T) { onEachStore(t, testFileComesAndGoes) }

func testFileComesAndGoes(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps)
	body := random(1, 300_000)
	u := r.create(len(body), "Upload-Metadata", meta("filename", "../a/holiday \u202e.jpg", "filetype", "image/jpeg"))
	u.patch(0, body[:100_000]).want(t, http.StatusNoContent)
	if n := u.offset(); n != 100_000 {
		t.Errorf("offset %d", n)
	}
	a := u.patch(100_000, body[100_000:]).want(t, http.StatusNoContent)
	if a.Header.Get("Upload-Offset") != "300000" || a.Header.Get("Upload-Expires") == "" {
		t.Errorf("header %v", a.Header)
	}
	a = r.ask("GET", u.read, nil).want(t, http.StatusOK)
	if !bytes.Equal(a.body, body) || a.Header.Get("Content-Disposition") != `attachment; filename="holiday .jpg"` {
		t.Errorf("%d bytes, header %v", len(a.body), a.Header)
	}
	c := bustest.Expect[bus.UploadCreated](t, r.bus)()
	if c.Upload != u.name() || c.Size != 300_000 || c.Name != "holiday .jpg" {
		t.Errorf("created: %+v", c)
	}
	d := bustest.Expect[bus.UploadCompleted](t, r.bus)()
	if d.Upload != u.name() || d.Size != 300_000 || d.SHA256 != hashOf(body) || d.Type != "application/octet-stream" {
		t.Errorf("completed: %+v", d)
	}
	tag := `"` + hashOf(body) + `"`
	if a := r.ask("HEAD", u.read, nil).want(t, http.StatusOK); a.Header.Get("ETag") != tag {
		t.Errorf("ETag %s", a.Header.Get("ETag"))
	}
	r.ask("DELETE", u.write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNoContent)
	r.ask("GET", u.read, nil).want(t, http.StatusNotFound)
	r.ask("HEAD", u.write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNotFound)
	if e := bustest.Expect[bus.UploadRemoved](t, r.bus)(); e.Upload != u.name() || !e.Completed || e.Reason != store.RemovedBySender {
		t.Errorf("removed: %+v", e)
	}
	bustest.Eventually(t, "nothing is left of it", func() bool {
		removed, err := r.store.List(store.DirRemoved)
		names, err2 := r.store.Names()
		return err == nil && err2 == nil && len(removed)+len(names) == 0
	})
	if files, bytes := r.ledger.Sums(); files != 0 || bytes != 0 {
		t.Errorf("the ledger has %d files of %d bytes", files, bytes)
	}
}

// Each answer to a tus request says which version is spoken, those that are refusals of
// our own too; who speaks another learns which.
func TestEveryAnswerSaysTheVersion(t *testing.T) {
	r := start(t, func(c *Config) { c.Open = false })
	for _, method := range []string{"HEAD", "PATCH", "DELETE", "POST", "PUT"} {
		for _, id := range []string{"", "nothing", store.NewToken() + "-" + store.NewToken()} {
			if method == "HEAD" && id == "" {
				continue
			}
			if a := r.ask(method, r.url+filesRoot+id, nil, "Tus-Resumable", "1.0.0", "Upload-Length", "3", "Upload-Offset", "0"); a.StatusCode < 400 || a.Header.Get("Tus-Resumable") != "1.0.0" {
				t.Errorf("%s %s: %s %v", method, id, a.Status, a.Header)
			}
		}
	}
	free := start(t)
	a := free.ask("POST", free.url+filesRoot, nil, "Tus-Resumable", "0.2.2", "Upload-Length", "3").want(t, http.StatusPreconditionFailed)
	if a.Header.Get("Tus-Version") != "1.0.0" || a.Header.Get("Tus-Resumable") != "1.0.0" {
		t.Errorf("%v", a.Header)
	}
}

// A name that is not ASCII comes with one for clients that know no other.
func TestNamesOfDownloads(t *testing.T) {
	for name, want := range map[string]string{
		"a b.jpg":     `attachment; filename="a b.jpg"`,
		"50 %.txt":    `attachment; filename="50 %.txt"`,
		"Übung.pdf":   `attachment; filename=_bung.pdf; filename*=utf-8''%C3%9Cbung.pdf`,
		"50% für.txt": `attachment; filename="50_ f_r.txt"; filename*=utf-8''50%25%20f%C3%BCr.txt`,
		"写真":          `attachment; filename=__; filename*=utf-8''%E5%86%99%E7%9C%9F`,
	} {
		if got := contentDisposition("attachment", name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// A link to read does not let one write; the URL to write lets one read only where
// that is configured.
func TestLinksDoOneThing(t *testing.T) { onEachStore(t, testLinksDoOneThing) }

func testLinksDoOneThing(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps, func(c *Config) { c.Open = false })
	key, err := r.keys.Add(t.Context(), "phone", "")
	if err != nil {
		t.Fatal(err)
	}
	r.ask("POST", r.url+filesRoot, nil, "Tus-Resumable", "1.0.0", "Upload-Length", "3").want(t, http.StatusUnauthorized)
	r.ask("POST", r.url+filesRoot+"?key=guess", nil, "Tus-Resumable", "1.0.0", "Upload-Length", "3").want(t, http.StatusForbidden)
	u := r.create(3, "Authorization", "Bearer "+key.Secret)
	tus := []string{"Tus-Resumable", "1.0.0"}
	r.ask("PATCH", u.read, strings.NewReader("abc"), append(tus, "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")...).want(t, http.StatusForbidden)
	r.ask("DELETE", u.read, nil, tus...).want(t, http.StatusForbidden)
	r.ask("HEAD", u.read, nil, tus...).want(t, http.StatusForbidden)
	u.patch(0, []byte("abc")).want(t, http.StatusNoContent)
	r.ask("GET", u.write, nil).want(t, http.StatusNotFound)
	r.ask("GET", u.read, nil).want(t, http.StatusOK)
	if err := r.keys.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	r.ask("DELETE", u.write, nil, tus...).want(t, http.StatusForbidden)
	r.ask("GET", u.read, nil).want(t, http.StatusOK)
	api := r.url + apiRoot + u.write[strings.LastIndex(u.write, "/"):]
	for method, url := range map[string]string{"DELETE": api, "POST": api + "/links", "DELETE ": api + "/links/" + u.read[len(u.read)-store.TokenSize:]} {
		a := r.ask(strings.TrimSpace(method), url, nil).want(t, http.StatusForbidden)
		if !strings.Contains(string(a.body), errRevoked.code) {
			t.Errorf("%s: %s", method, a.body)
		}
	}
	if a := r.ask("GET", api, nil); a.StatusCode != http.StatusNotFound {
		t.Errorf("whose key is revoked is told of links: %s", a.body)
	}
	for _, id := range []string{"", "x", u.name(), u.name() + "-", u.name() + "-" + u.name(), "../../etc/passwd", strings.ToUpper(u.name()) + "-" + u.name(), "%2e%2e%2f" + u.name()} {
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			a := r.ask(method, r.url+filesRoot+id, nil, append(tus, "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")...)
			if a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusMethodNotAllowed && a.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s %q: %s", method, id, a.Status)
			}
		}
	}
}

// A sender whose key is revoked is interrupted, and cannot go on.
func TestRevokedWhileSending(t *testing.T) {
	r := start(t, func(c *Config) { c.Open = false })
	key, err := r.keys.Add(t.Context(), "phone", "")
	if err != nil {
		t.Fatal(err)
	}
	u := r.create(1000, "Authorization", "Bearer "+key.Secret)
	answer := make(chan reply, 1)
	go func() {
		a, _ := ask(context.Background(), "PATCH", u.write, stuck(t, random(1, 100)), "Tus-Resumable", "1.0.0", "Upload-Offset", "0", "Content-Type", "application/offset+octet-stream")
		answer <- a
	}()
	bustest.Eventually(t, "the sender is at it", func() bool { return r.sends(u.name()) })
	if err := r.keys.Revoke(t.Context(), key.ID); err != nil {
		t.Fatal(err)
	}
	if a := <-answer; a.Response != nil {
		a.want(t, http.StatusLocked)
	}
	u.patch(100, random(1, 100)).want(t, http.StatusForbidden)
}

// A wrong checksum leaves nothing; an unknown one is refused.
func TestChecksums(t *testing.T) { onEachStore(t, testChecksums) }

func testChecksums(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps)
	body := random(2, 200_000)
	u := r.create(len(body))
	u.patch(0, body[:1000]).want(t, http.StatusNoContent)
	rest := body[1000:]
	one, two := sha1.Sum(rest), sha256.Sum256(rest)
	three := binary.BigEndian.AppendUint32(nil, crc32.Checksum(rest, crc32.MakeTable(crc32.Castagnoli)))
	b64 := base64.StdEncoding.EncodeToString
	for _, c := range []struct {
		header string
		status int
	}{
		{"sha1 " + b64(two[:20]), statusChecksum},
		{"sha256 " + b64(append(one[:], one[:12]...)), statusChecksum},
		{"crc32c AAAAAA==", statusChecksum},
		{"md5 " + b64(one[:16]), http.StatusBadRequest},
		{"sha1", http.StatusBadRequest},
		{"sha1 " + b64(two[:]), http.StatusBadRequest},
	} {
		u.patch(1000, rest, "Upload-Checksum", c.header).want(t, c.status)
		if n := u.offset(); n != 1000 {
			t.Fatalf("%s: offset %d", c.header, n)
		}
	}
	u.patch(1000, rest[:99_000], "Upload-Checksum", "crc32c "+b64(binary.BigEndian.AppendUint32(nil, crc32.Checksum(rest[:99_000], crc32.MakeTable(crc32.Castagnoli))))).want(t, http.StatusNoContent)
	last := sha256.Sum256(body[100_000:])
	u.patch(100_000, body[100_000:], "Upload-Checksum", "sha256 "+b64(last[:])).want(t, http.StatusNoContent)
	if a := r.ask("GET", u.read, nil).want(t, 200); !bytes.Equal(a.body, body) {
		t.Error("other bytes")
	}
	v := r.create(len(rest))
	v.patch(0, rest, "Upload-Checksum", "crc32c "+b64(three)).want(t, http.StatusNoContent)
	o := r.ask("OPTIONS", r.url+filesRoot, nil).want(t, 200)
	if o.Header.Get("Tus-Checksum-Algorithm") != store.ChecksumAlgorithms || !strings.Contains(o.Header.Get("Tus-Extension"), "checksum") {
		t.Errorf("options: %v", o.Header)
	}
}

// Lengths that are told later, empty files, parts that make a whole, and a
// chunk in the request that makes the upload.
func TestExtensions(t *testing.T) { onEachStore(t, testExtensions) }

func testExtensions(t *testing.T, keeps func(*Config)) {
	r := start(t, keeps)
	tus := []string{"Tus-Resumable", "1.0.0"}
	u := r.create(-1)
	u.patch(0, []byte("hello ")).want(t, http.StatusNoContent)
	u.patch(6, []byte("world"), "Upload-Length", "11").want(t, http.StatusNoContent)
	if a := r.ask("GET", u.read, nil).want(t, 200); string(a.body) != "hello world" {
		t.Errorf("%q", a.body)
	}
	if a := r.ask("GET", r.create(0).read, nil).want(t, 200); len(a.body) != 0 {
		t.Errorf("%q", a.body)
	}
	body := random(3, 150_001)
	var parts []string
	for _, b := range [][]byte{body[:70_000], body[70_000:]} {
		p := r.create(len(b), "Upload-Concat", "partial")
		p.patch(0, b).want(t, http.StatusNoContent)
		parts = append(parts, p.write)
	}
	a := r.ask("POST", r.url+filesRoot, nil, append(tus, "Upload-Concat", "final;"+strings.Join(parts, " "))...).want(t, http.StatusCreated)
	got := r.ask("GET", a.Header.Get("Upload-Read-Link"), nil).want(t, 200)
	if !bytes.Equal(got.body, body) {
		t.Error("the whole is not its parts")
	}
	r.ask("PATCH", a.location(t), strings.NewReader("x"), append(tus, "Upload-Offset", "150001", "Content-Type", "application/offset+octet-stream")...).want(t, http.StatusForbidden)
	a = r.ask("POST", r.url+filesRoot, strings.NewReader("abc"), append(tus, "Upload-Length", "3", "Content-Type", "application/offset+octet-stream")...).want(t, http.StatusCreated)
	if a.Header.Get("Upload-Offset") != "3" {
		t.Errorf("header %v", a.Header)
	}
	// The draft of the IETF.
	a = r.ask("POST", r.url+filesRoot, strings.NewReader("draft"), "Upload-Draft-Interop-Version", "6", "Upload-Complete", "?1", "Content-Type", "text/plain").want(t, http.StatusCreated)
	if got := r.ask("GET", a.Header.Get("Upload-Read-Link"), nil).want(t, 200); string(got.body) != "draft" || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("%q %v", got.body, got.Header)
	}
}

// Ten receive a file while it is sent, half of them from the middle; one that
// reads nothing holds nobody up.
func TestManyFollow(t *testing.T) {
	size := 20 << 20
	if os.Getenv("PSE_LONG") != "" {
		size = 1 << 30
	}
	r := start(t)
	body := random(4, size)
	u := r.create(size)
	u.patch(0, body[:1<<20]).want(t, http.StatusNoContent)
	lazy, err := http.Get(u.read) // its body is not read
	if err != nil {
		t.Fatal(err)
	}
	defer lazy.Body.Close()
	var wg sync.WaitGroup
	for i := range 10 {
		from := i % 2 * (size/4 + 1)
		want := sha256.Sum256(body[from:])
		wg.Go(func() {
			if got, err := hashFrom(u.read, from); err != nil || !bytes.Equal(got, want[:]) {
				t.Errorf("receiver %d got %x, %v", i, got, err)
			}
		})
	}
	for at := 1 << 20; at < size; at += 1 << 20 {
		u.patch(at, body[at:at+1<<20]).want(t, http.StatusNoContent)
	}
	wg.Wait()
	if _, err := io.CopyN(io.Discard, lazy.Body, 1); err != nil {
		t.Error(err)
	}
}

// hashFrom receives a file from an offset on.
func hashFrom(url string, from int) ([]byte, error) {
	q, err := http.NewRequest("GET", url, nil)
	if err != nil {
		return nil, err
	}
	if from > 0 {
		q.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil, err
	}
	defer a.Body.Close()
	h := sha256.New()
	_, err = io.Copy(h, a.Body)
	return h.Sum(nil), err
}
