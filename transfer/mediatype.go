package transfer

import (
	"mime"
	"net/http"
	"strings"
)

// mediaType is a file's media type: by its first bytes (up to 512), and where these do not
// tell, by what its sender claims.
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
		return found // it would have been detected
	}
	if s := mime.FormatMediaType(t, params); s != "" {
		return s
	}
	return found
}

// isActive says whether browsers may run code in files of a type.
func isActive(t string) bool {
	return strings.Contains(t, "html") || strings.Contains(t, "xml") || strings.Contains(t, "svg") || strings.Contains(t, "script") ||
		strings.HasPrefix(t, "multipart/") || t == "application/x-shockwave-flash" || t == "text/css"
}

// isKnown says whether http.DetectContentType detects a type.
func isKnown(t string) bool {
	switch t {
	case "application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp":
		return true
	}
	return false
}

// shown says whether browsers may show files of a type instead of saving them: pictures,
// audio, video, plain text and PDF.
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

// servedType is the Content-Type of a file of a type.
func servedType(t string) string {
	if t == "" || isActive(t) {
		return "application/octet-stream"
	}
	return t
}

// claimedType is the type that the sender claims.
func claimedType(meta map[string]string) string {
	if t := meta["filetype"]; t != "" {
		return t
	}
	return meta["type"]
}
