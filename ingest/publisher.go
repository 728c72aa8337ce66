package ingest

import (
	"context"
	"errors"
	"slices"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/ingest/rtmp"
	"github.com/helios-h2020/pse/internal/access"
)

// publisher is who is at the other end of one connection, by whatever protocol:
// the door to a session. It is its protocol's, which calls one method after the
// other.
type publisher struct {
	shared    *shared
	admission *admission
	keys      *access.Keys
	peer      rtmp.Peer

	app, software string
	query         map[string]string // of app and server URL
	keyID         string            // proven with user and password
}

// Connect checks the app, and says whether user and password are asked for.
func (p *publisher) Connect(app, software string, query map[string]string) (login bool, err error) {
	p.app, p.software, p.query = app, printable(software), query
	if !slices.Contains(p.shared.cfg.Apps, app) {
		return false, rtmp.Errorf(rtmp.CodeConnectRejected, "there is no app %q here; publish to rtmp://HOST/%s/NAME", printable(app), p.shared.cfg.Apps[0])
	}
	if p.shared.cfg.Open {
		return false, nil
	}
	_, asked := query["auth"]
	return asked || slices.Contains(p.shared.cfg.AuthApps, app) || query["authmod"] != "", nil
}

// Login finds the key that is the publisher's password. Without a stream name
// yet: Publish asks again whether the key is good for it.
func (p *publisher) Login(proved func(secret string) bool) (err error) {
	p.keyID, err = p.keys.Match("", func(k bus.Key) bool { return proved(k.Secret) })
	return err
}

// Publish gives the publisher a session with the name, or says why not.
func (p *publisher) Publish(name string, query map[string]string) (rtmp.Sink, error) {
	sid, err := bus.SID(name)
	if err != nil {
		return nil, rtmp.Errorf(rtmp.CodeBadName, "%v", err)
	}
	id, err := p.keyFor(name, query)
	if err != nil {
		return nil, rtmp.Errorf(rtmp.CodeDenied, "%v", err)
	}
	ctx, cancel := context.WithTimeout(p.shared.ctx, p.shared.cfg.SetupTimeout)
	defer cancel()
	s := newSession(p.shared, claim{sid: sid, name: name, app: p.app, keyID: id}, p.peer, p.software)
	s.takesOver = query["takeover"] != "" || p.query["takeover"] != ""
	if err := p.admission.admit(ctx, s); err != nil {
		s.cancel()
		return nil, asStatus(err)
	}
	if !p.shared.cfg.Open && !p.keys.Has(id) { // revoked before the session could be seen
		s.End(false, nil)
		return nil, rtmp.Errorf(rtmp.CodeDenied, "%v", access.ErrWrongKey)
	}
	return s, nil
}

// keyFor finds the key that lets this publisher have a name.
func (p *publisher) keyFor(name string, query map[string]string) (id string, err error) {
	if p.shared.cfg.Open {
		return "", nil
	}
	if p.keyID != "" {
		return p.keys.Match(name, func(k bus.Key) bool { return k.ID == p.keyID })
	}
	secret := query["key"]
	if secret == "" {
		secret = p.query["key"]
	}
	id, err = p.keys.Check(name, secret)
	if errors.Is(err, access.ErrNoKey) {
		// Encoders give no sign that they hold user and password until they are asked.
		return "", errors.New("no stream key; publish to NAME?key=KEY, or with user and password to a server URL that ends in ?auth")
	}
	return id, err
}
