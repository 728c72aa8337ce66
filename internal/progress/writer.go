package progress

import "net/http"

// writer is the answer to a request with a body. net/http reads up to 256 KiB of a body
// that is left before it sends an answer, unless the connection is to end with that: who
// holds his body back until he is answered would wait for as long as the body may take.
type writer struct {
	http.ResponseWriter
	body  *Body
	wrote bool
}

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	if status >= http.StatusOK {
		w.begin()
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (w *writer) Write(p []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(p)
}

// begin has the connection end with an answer that begins before the body has
// ended. By HTTP/2 it need not.
func (w *writer) begin() {
	if !w.wrote && w.body.request.ProtoMajor == 1 && !w.body.whole() {
		w.Header().Set("Connection", "close")
	}
	w.wrote = true
}

// Unwrap is for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// FlushError is for http.ResponseController.
func (w *writer) FlushError() error {
	w.begin()
	return http.NewResponseController(w.ResponseWriter).Flush()
}
