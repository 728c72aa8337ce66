// Package reply is an answer of the edge before anybody writes it: status, what
// its header says, and its body. Both transports, net/http and the connections
// of edge/http1, write it, so that the header fields of an answer are listed
// once, in Fields. It knows neither of them.
package reply

import "strconv"

// Media types of replies.
const (
	TypeList  = "application/vnd.apple.mpegurl" // RFC 8216bis 4
	TypeVideo = "video/mp4"
	TypeAudio = "audio/mp4"
	TypeText  = "text/plain; charset=utf-8"
	TypeJSON  = "application/json"
	TypeJPEG  = "image/jpeg"
)

// Reply is an answer to a request. Its bytes are shared: nobody may change them.
type Reply struct {
	Status     int    // RFC 9110 15
	Type       string // media type; empty without a body
	Cache      Cache
	ETag       string          // with its quotes; empty: none
	Varies     bool            // with Accept-Encoding
	Gzip       bool            // the body is gzip
	Ranges     bool            // parts of it may be asked for
	Exposed    bool            // pages of other origins may read how long it is, and its tag
	Allow      string          // methods; empty: nothing is said of them
	RetryAfter int             // s; 0: nothing is said of it
	Chunks     [][]byte        // the body, in pieces
	Size       int             // of all of them, bytes
	Shared     *Representation // what the body is of, if many get the same; else nil
}

// A Field is a header field. Its value is in pieces, so that nobody has to
// make a string of them who writes them one after the other.
type Field struct {
	Name   string
	Length bool // it is about the length of the body, which net/http may know better
	text   string
	number int // goes after text; negative: nothing does
	end    string
}

// Append appends the field's value.
func (f *Field) Append(b []byte) []byte {
	b = append(b, f.text...)
	if f.number >= 0 {
		b = strconv.AppendInt(b, int64(f.number), 10)
	}
	return append(b, f.end...)
}

// Value is the field's value.
func (f *Field) Value() string {
	if f.number < 0 && f.end == "" {
		return f.text
	}
	return string(f.Append(nil))
}

// FieldsMost is how many fields a reply has at most.
const FieldsMost = 12

// Fields are the reply's header fields, in the room given. Pages of any origin
// may read it: what is served is the same for all, so there are no credentials.
func (r *Reply) Fields(room *[FieldsMost]Field) []Field {
	all := append(room[:0], text("Access-Control-Allow-Origin", "*"))
	if r.Exposed {
		all = append(all, text("Access-Control-Expose-Headers", "Content-Length, Content-Range, ETag"))
	}
	if r.Ranges {
		all = append(all, Field{Name: "Accept-Ranges", text: "bytes", number: -1, Length: true})
	}
	if r.Type != "" {
		all = append(all, text("Content-Type", r.Type))
	}
	if r.Type == TypeText {
		all = append(all, text("X-Content-Type-Options", "nosniff"))
	}
	if r.Varies {
		all = append(all, text("Vary", "Accept-Encoding"))
	}
	all = append(all, Field{Name: "Cache-Control", text: r.Cache.text, number: r.Cache.seconds, end: r.Cache.end})
	if r.ETag != "" {
		all = append(all, text("Etag", r.ETag))
	}
	if r.Gzip {
		all = append(all, text("Content-Encoding", "gzip"))
	}
	if r.RetryAfter > 0 {
		all = append(all, Field{Name: "Retry-After", number: r.RetryAfter})
	}
	if r.Allow != "" {
		all = append(all, text("Allow", r.Allow))
	}
	if r.Type != "" {
		all = append(all, Field{Name: "Content-Length", number: r.Size, Length: true})
	}
	return all
}

func text(name, value string) Field { return Field{Name: name, text: value, number: -1} }

// NotModified is what is left to say to a client that has the reply's body
// already (RFC 9110 15.4.5).
func (r *Reply) NotModified() Reply {
	return Reply{Status: 304, Cache: r.Cache, ETag: r.ETag, Varies: r.Varies}
}

// Reply is the reply that has the representation as its body.
func (r *Representation) Reply(kind string, cache Cache) Reply {
	return Reply{
		Status: 200, Type: kind, Cache: cache, ETag: r.etag, Varies: true, Gzip: r.gzip,
		Chunks: r.chunks[:], Size: len(r.chunks[0]), Shared: r,
	}
}
