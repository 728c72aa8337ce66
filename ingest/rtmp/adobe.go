package rtmp

import (
	"crypto/hmac"
	"crypto/md5" // what the scheme is made of
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/helios-h2020/pse/internal/limit"
)

// adobeAuth is the challenge and response by which OBS, ffmpeg and librtmp
// prove user and password ("authmod=adobe"): the server refuses connect, the
// client comes back with its user, is refused with a challenge, and comes
// back with the response. Each step is a new connection, so the challenge
// carries all there is to remember. The password is a stream key; the user is
// the key's ID, or any name.
type adobeAuth struct{ secret [32]byte }

const (
	adobeReject    = "[ AccessManager.Reject ] : "
	challengeValid = time.Minute
)

func newAdobeAuth() *adobeAuth {
	a := new(adobeAuth)
	_, _ = rand.Read(a.secret[:]) // never fails
	return a
}

// check takes one step, the last of which is login. Its refusals are part of
// the scheme.
func (a *adobeAuth) check(q map[string]string, peer net.Addr, login func(proved func(secret string) bool) error) *StatusError {
	user, response, proof := q["user"], q["response"], q["challenge"]
	switch {
	case q["authmod"] != "adobe" || user == "":
		return Errorf(CodeConnectRejected, adobeReject+"[ code=403 need auth; authmod=adobe ] : ")
	case response == "":
		opaque := a.opaque(time.Now(), peer)
		return Errorf(CodeConnectRejected, adobeReject+"[ authmod=adobe ] : ?reason=needauth&user=%s&salt=%s&challenge=%s&opaque=%s",
			user, a.salt(opaque), opaque, opaque)
	}
	opaque := q["opaque"]
	if a.fresh(opaque, peer) {
		err := login(func(secret string) bool {
			want := md5base64(md5base64(user+a.salt(opaque)+secret) + opaque + proof)
			return subtle.ConstantTimeCompare([]byte(want), []byte(response)) == 1
		})
		if err == nil {
			return nil
		}
	}
	return Errorf(CodeConnectRejected, adobeReject+"[ authmod=adobe ] : ?reason=authfailed&opaque=%s", opaque)
}

// opaque is a time and our seal on it and on the peer's address.
func (a *adobeAuth) opaque(at time.Time, peer net.Addr) string {
	t := strconv.FormatInt(at.Unix(), 36)
	return t + "." + a.sign(t+" "+limit.AddressOf(peer).String())
}

func (a *adobeAuth) fresh(opaque string, peer net.Addr) bool {
	t, _, _ := strings.Cut(opaque, ".")
	sec, err := strconv.ParseInt(t, 36, 64)
	if err != nil || len(opaque) > 64 {
		return false
	}
	at := time.Unix(sec, 0)
	return time.Since(at) < challengeValid && subtle.ConstantTimeCompare([]byte(a.opaque(at, peer)), []byte(opaque)) == 1
}

func (a *adobeAuth) salt(opaque string) string { return a.sign("salt " + opaque)[:8] }

func (a *adobeAuth) sign(s string) string {
	m := hmac.New(sha256.New, a.secret[:])
	m.Write([]byte(s))
	return hex.EncodeToString(m.Sum(nil)[:16])
}

func md5base64(s string) string {
	sum := md5.Sum([]byte(s)) // what the scheme is made of
	return base64.StdEncoding.EncodeToString(sum[:])
}
