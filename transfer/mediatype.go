package transfer

import (
	"mime"
	"net/http"
	"strings"
)

// mediaType decides what a file is: by its beginning, and where that says
// nothing by what its sender says.
func mediaType(head []byte, claimed string) string {
	found := http.DetectContentType(head)
	base, _, _ := strings.Cut(found, ";")
	if base != "application/octet-stream" && base != "text/plain" {
		return found
	}
	t, params, err := mime.ParseMediaType(claimed)
	if err != nil || !strings.Contains(t, "/") || isActive(t) {
		return found
	}
	if t == base {
		return found
	}
	if base == "text/plain" && !strings.HasPrefix(t, "text/") && t != "application/json" {
		return found
	}
	if base == "application/octet-stream" && (strings.HasPrefix(t, "text/") || isKnown(t)) {
		return found // it would have been recognised
	}
	if s := mime.FormatMediaType(t, params); s != "" {
		return s
	}
	return found
}

// isActive says that browsers may run what is in such a file.
func isActive(t string) bool {
	return strings.Contains(t, "html") || strings.Contains(t, "xml") || strings.Contains(t, "svg") || strings.Contains(t, "script") ||
		strings.HasPrefix(t, "multipart/") || t == "application/x-shockwave-flash" || t == "text/css"
}

// isKnown says that DetectContentType knows the type.
func isKnown(t string) bool {
	switch t {
	case "application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp":
		return true
	}
	return false
}

// shown says whether browsers may show a file of this type instead of saving
// it: what only ever is a picture, a sound, a film, a text or a document.
func shown(t string) bool {
	t, _, _ = strings.Cut(t, ";")
	switch t {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/avif", "image/heic",
		"video/mp4", "video/webm", "video/ogg", "video/quicktime",
		"audio/mpeg", "audio/wave", "audio/wav", "audio/ogg", "audio/webm", "audio/mp4", "audio/aac", "audio/flac",
		"application/ogg", "application/pdf", "text/plain":
		return true
	}
	return false
}

// servedType is what a file is called when it is sent.
func servedType(t string) string {
	if t == "" || isActive(t) {
		return "application/octet-stream"
	}
	return t
}

// claimedType is what a sender says a file is.
func claimedType(meta map[string]string) string {
	if t := meta["filetype"]; t != "" {
		return t
	}
	return meta["type"]
}
