package browser

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

func TestFirefox(t *testing.T) {
	if os.Getenv("PSE_LONG") == "" {
		t.Skip("only long tests drive it; set PSE_LONG=1")
	}
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<title>here</title>"))
	}))
	defer s.Close()
	f, err := StartFirefox(t.Context(), t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Go(s.URL); err != nil {
		t.Fatal(err)
	}
	got, err := f.Eval("navigator.mediaDevices.getUserMedia({ audio: true, video: true }).then(m => document.title + ' ' + m.getTracks().length)")
	if err != nil || string(got) != `"here 2"` {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := f.Eval("Promise.reject(new Error('no'))"); err == nil {
		t.Error("what fails is no error")
	}
}
