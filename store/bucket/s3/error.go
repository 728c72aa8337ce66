package s3

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Error is what a server answers in place of what it was asked for.
type Error struct {
	Status  int    // of HTTP
	Code    string // one of Amazon's S3 API reference, "List of error codes"; empty: it said none
	Message string
	Request string // what the server's own log calls the request

	region string // that has the bucket, if the server said so
	again  bool   // it may answer something else when it is asked again
}

// Error says what the server did.
func (e *Error) Error() string {
	text := fmt.Sprintf("the server answered %d %s", e.Status, e.Code)
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Request != "" {
		text += " (request " + e.Request + ")"
	}
	return text
}

// mostError is how much is read of an error, in bytes.
const mostError = 64 << 10

// errorText is an error as it is sent.
type errorText struct {
	XMLName xml.Name `xml:"Error"`
	Code    string
	Message string
	Region  string
	Request string `xml:"RequestId"`
}

// refusal is the error that an answer is. Answers to HEAD have no text: their
// status is all.
func refusal(a *http.Response) error {
	e := &Error{Status: a.StatusCode, Request: a.Header.Get("X-Amz-Request-Id"), region: a.Header.Get("X-Amz-Bucket-Region")}
	b, err := io.ReadAll(io.LimitReader(a.Body, mostError))
	var text errorText
	switch {
	case a.Request.Method == http.MethodHead:
		e.Code = strings.ReplaceAll(http.StatusText(a.StatusCode), " ", "")
	case err == nil && xml.Unmarshal(b, &text) == nil:
		e.take(text)
	}
	e.again = e.again || passing(e.Status)
	return e
}

// take fills in what is said in an error's text.
func (e *Error) take(t errorText) {
	e.Code, e.Message = t.Code, t.Message
	if t.Request != "" {
		e.Request = t.Request
	}
	if t.Code == "AuthorizationHeaderMalformed" && t.Region != "" {
		e.region = t.Region
	}
	switch t.Code {
	case "InternalError", "RequestTimeout", "SlowDown", "ServiceUnavailable", "Throttling", "ThrottlingException", "TooManyRequests", "RequestLimitExceeded", "BandwidthLimitExceeded":
		e.again = true
	}
}

// passing reports the status of a server whose trouble may pass.
func passing(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// isRegion reports whether text may be a region's name, as it becomes part of a host's.
func isRegion(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return text != ""
}
