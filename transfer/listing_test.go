package transfer

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/helios-h2020/pse/bus/bustest"
	"github.com/helios-h2020/pse/store"
)

// listed is a page of the list.
type listed struct {
	Files []fileJSON `json:"files"`
	Next  string     `json:"next"`
	tag   string
}

// list asks for a page.
func (r *running) list(query string, headers ...string) listed {
	r.t.Helper()
	a := r.ask("GET", r.url+apiRoot+query, nil, append([]string{"Authorization", "Bearer " + lister}, headers...)...).want(r.t, http.StatusOK)
	l := listed{tag: a.Header.Get("ETag")}
	if err := json.Unmarshal(a.body, &l); err != nil {
		r.t.Fatal(err)
	}
	return l
}

const lister = "a-token-of-whoever-lists"

// send sends a whole file of the lister's.
func (r *running) sendListed(n int) upload {
	u := r.create(8, "Authorization", "Bearer "+lister, "Upload-Metadata", meta("filename", strconv.Itoa(n)))
	u.patch(0, []byte("12345678")).want(r.t, http.StatusNoContent)
	return u
}

// All pages together are the list, in its order, whatever is deleted and sent in between.
func TestListComesInPages(t *testing.T) {
	onEachStore(t, func(t *testing.T, keeps func(*Config)) {
		r := start(t, keeps)
		sent := map[string]upload{}
		for n := range 7 {
			u := r.sendListed(n)
			sent[u.name()] = u
		}
		whole := r.list("")
		if len(whole.Files) != 7 || whole.Next != "" {
			t.Fatalf("the whole list has %d files, and next %q", len(whole.Files), whole.Next)
		}
		var got []string
		for l := r.list("?limit=3"); ; l = r.list("?limit=3&after=" + l.Next) {
			if len(l.Files) > 3 {
				t.Fatalf("a page has %d files", len(l.Files))
			}
			for _, f := range l.Files {
				got = append(got, f.Upload)
			}
			if l.Next == "" {
				break
			}
			if len(got) == 3 { // the place stays where it is without its file, and new ones are before it
				r.ask("DELETE", sent[got[2]].write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNoContent)
				r.sendListed(8)
			}
		}
		var want []string
		for _, f := range whole.Files {
			want = append(want, f.Upload)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("the pages have\n%v, the list\n%v", got, want)
		}
	})
}

// What asks for a page wrongly is told how it is done.
func TestListRefusesBadPages(t *testing.T) {
	r := start(t)
	for _, query := range []string{"?limit=0", "?limit=x", "?limit=-1", "?limit=99999999999999999999", "?after=1-2", "?after=x", "?wait=0", "?wait=x"} {
		r.ask("GET", r.url+apiRoot+query, nil, "Authorization", "Bearer "+lister).want(t, http.StatusBadRequest)
	}
}

// A list that is known is not sent again; each change makes it another one, also by another
// worker on the same store.
func TestListIsTaggedByWhatItSays(t *testing.T) {
	onEachStore(t, func(t *testing.T, keeps func(*Config)) {
		b := bustest.New(t)
		r := startOn(t, b, keeps)
		u := r.sendListed(0)
		bustest.Eventually(t, "the file has its hash", func() bool { return r.list("").Files[0].SHA256 != "" })
		other := startOn(t, b, keeps)
		l := r.list("?limit=5")
		r.ask("GET", r.url+apiRoot+"?limit=5", nil, "Authorization", "Bearer "+lister, "If-None-Match", l.tag).want(t, http.StatusNotModified)
		changes := map[string]func(){
			"a link here": func() {
				r.ask("POST", r.url+apiRoot+"/"+u.write[len(r.url)+len(filesRoot):]+"/links", nil).want(t, http.StatusCreated)
			},
			"a link there": func() {
				r.ask("POST", other.url+apiRoot+"/"+u.write[len(r.url)+len(filesRoot):]+"/links", nil).want(t, http.StatusCreated)
			},
			"a new file": func() { r.sendListed(1) },
			"a removal":  func() { r.ask("DELETE", u.write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNoContent) },
		}
		for _, name := range []string{"a link here", "a link there", "a new file", "a removal"} {
			before := r.list("?limit=5")
			changes[name]()
			bustest.Eventually(t, name+" makes another list", func() bool { return r.list("?limit=5").tag != before.tag })
		}
		if l := r.list(""); len(l.Files) != 1 || l.Files[0].Name != "1" {
			t.Fatalf("in the end there is %+v", l.Files)
		}
	})
}

// Who knows the list may wait for another one: it comes when something has changed.
func TestListIsWaitedFor(t *testing.T) {
	t.Parallel()
	r := start(t)
	r.sendListed(0)
	bustest.Eventually(t, "the file has its hash", func() bool { return r.list("").Files[0].SHA256 != "" })
	l := r.list("?limit=5")
	came := make(chan reply, 1)
	go func() {
		a, err := ask(t.Context(), "GET", r.url+apiRoot+"?limit=5&wait=25", nil, "Authorization", "Bearer "+lister, "If-None-Match", l.tag)
		if err != nil {
			t.Error(err)
		}
		came <- a
	}()
	r.sendListed(1)
	a := (<-came).want(t, http.StatusOK)
	if a.Header.Get("ETag") == l.tag {
		t.Fatal("the answer is the list that was known")
	}
}

// A list that was asked for before has what was sent since, at this worker or another, and no
// more what was deleted.
func TestListHasWhatWasSentSince(t *testing.T) {
	r := start(t)
	names := func() (all []string) {
		for _, f := range r.list("").Files {
			all = append(all, f.Upload)
		}
		return all
	}
	first := r.sendListed(1)
	if got := names(); !slices.Equal(got, []string{first.name()}) {
		t.Fatalf("%v", got)
	}
	second := r.sendListed(2)
	if got := names(); len(got) != 2 || !slices.Contains(got, second.name()) {
		t.Errorf("%v has no %s", got, second.name())
	}
	i, err := r.store.Info(first.name())
	if err != nil {
		t.Fatal(err)
	}
	other := &store.Info{Name: store.NewToken(), Key: store.NewToken(), Owner: i.Owner, Size: 1}
	if err := r.store.Create(other); err != nil {
		t.Fatal(err)
	}
	r.ledger.Learn(other.Name, other.Owner, 1) // as the reconciler does
	if got := names(); len(got) != 3 || !slices.Contains(got, other.Name) {
		t.Errorf("%v has no %s", got, other.Name)
	}
	r.ask("DELETE", first.write, nil, "Tus-Resumable", "1.0.0").want(t, http.StatusNoContent)
	if got := names(); len(got) != 2 || slices.Contains(got, first.name()) {
		t.Errorf("%v has %s", got, first.name())
	}
}
