package ingest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/helios-h2020/pse/bus"
	"github.com/helios-h2020/pse/internal/access"
	"go.uber.org/zap"
)

// conn is one publisher's connection: what the protocol's commands do. All of
// it runs on the connection's reading goroutine, but for closed.
type conn struct {
	w    *Worker
	n    *normalizer
	log  *zap.Logger
	addr net.Addr

	app      string
	query    query
	software string
	keyID    string // proven with user and password
	s        *session
}

func (w *Worker) newConn(c net.Conn) client {
	p := &conn{w: w, n: newNormalizer(c.(*guard)), addr: c.RemoteAddr(), log: w.log.With(zap.Stringer("peer", c.RemoteAddr()))}
	p.n.goodbye = p.goodbye
	return p
}

func (c *conn) transport() io.ReadWriteCloser { return c.n }

// connect checks the app, and user and password where they are asked for.
func (c *conn) connect(app, tcURL, software string) error {
	app, rest, _ := strings.Cut(app, "?")
	c.app, c.software = strings.Trim(app, "/"), printable(software)
	c.query = parseQuery(rest)
	if _, rest, ok := strings.Cut(tcURL, "?"); ok {
		for k, v := range parseQuery(rest) {
			if _, has := c.query[k]; !has {
				c.query[k] = v
			}
		}
	}
	if !slices.Contains(c.w.cfg.Apps, c.app) {
		return c.refuse(0, refuse(codeConnectRejected, "there is no app %q here; publish to rtmp://HOST/%s/NAME", printable(c.app), c.w.cfg.Apps[0]))
	}
	if c.w.cfg.Open {
		return nil
	}
	_, asked := c.query["auth"]
	if asked = asked || slices.Contains(c.w.cfg.AuthApps, c.app) || c.query["authmod"] != ""; !asked {
		return nil
	}
	id, r := c.w.adobe.check(c.query, c.addr, c.w.keys)
	if r != nil {
		return c.refuse(0, r)
	}
	c.keyID = id
	return nil
}

// publish lets the publisher have the name, or says why not.
func (c *conn) publish(raw string, stream uint32) error {
	if c.s != nil {
		return c.refuse(stream, refuse(codeBadName, "this connection publishes already; open another one"))
	}
	name, rest, _ := strings.Cut(raw, "?")
	sid, err := bus.SID(name)
	if err != nil {
		return c.refuse(stream, refuse(codeBadName, "%v", err))
	}
	id, err := c.keyFor(name, parseQuery(rest))
	if err != nil {
		return c.refuse(stream, refuse(codeDenied, "%v", err))
	}
	ctx, cancel := context.WithTimeout(c.w.ctx, c.w.cfg.SetupTimeout)
	defer cancel()
	s := newSession(c, sid, name, id)
	if err := c.w.admit(ctx, s); err != nil {
		return c.refuse(stream, asRefusal(err))
	}
	c.s = s
	if !c.w.cfg.Open && !c.w.keys.Has(id) { // revoked before the claim could be seen
		return c.refuse(stream, refuse(codeDenied, "%v", access.ErrWrongKey))
	}
	c.n.stream, c.n.media = stream, c.message
	c.n.publish()
	return nil
}

// keyFor finds the key that lets this connection publish name.
func (c *conn) keyFor(name string, q query) (id string, err error) {
	if c.w.cfg.Open {
		return "", nil
	}
	if c.keyID != "" {
		return c.w.keys.Match(name, func(k bus.Key) bool { return k.ID == c.keyID })
	}
	secret := q["key"]
	if secret == "" {
		secret = c.query["key"]
	}
	id, err = c.w.keys.Check(name, secret)
	if errors.Is(err, access.ErrNoKey) {
		// Encoders give no sign that they hold user and password until they are asked.
		return "", errors.New("no stream key; publish to NAME?key=KEY, or with user and password to a server URL that ends in ?auth")
	}
	return id, err
}

func (c *conn) play(stream uint32) error {
	return c.refuse(stream, refuse(codePlayFailed, "RTMP is for publishing here; watch this stream on its page"))
}

// message takes a message of the publishing stream. A refusal is said to the peer.
func (c *conn) message(m *message) error {
	err := c.s.message(m)
	var r *refusal
	if errors.As(err, &r) {
		c.s.reason.CompareAndSwap(nil, &r.Text)
		return c.refuse(c.n.stream, r)
	}
	return err
}

// refuse tells the peer why it is refused, and returns the error that ends its connection.
func (c *conn) refuse(stream uint32, r *refusal) error {
	c.n.refuse(stream, r)
	if !strings.HasPrefix(r.Text, adobeReject) { // that is a step of the dance
		c.w.stats.refusals.WithLabelValues(r.Code).Inc()
		c.log.Info("publisher refused", zap.String("code", r.Code), zap.String("reason", r.Text))
	}
	return r
}

// goodbye says that the peer stops on purpose.
func (c *conn) goodbye() {
	if c.s != nil {
		c.s.clean.Store(true)
	}
}

func (c *conn) closed() {
	if c.s != nil {
		c.s.end()
	}
}

func asRefusal(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return refuse(codeFailed, "the server cannot take a stream now (%v); try again in a moment", err)
}

// query is the parameters of a stream name, an app or a URL. Base64 in it is
// not escaped, and some encoders join two queries with a second '?'.
type query map[string]string

func parseQuery(s string) query {
	q := make(query)
	for _, pair := range strings.FieldsFunc(s, func(r rune) bool { return r == '&' || r == '?' }) {
		k, v, _ := strings.Cut(pair, "=")
		if u, err := url.PathUnescape(v); err == nil {
			v = u
		}
		if len(q) < 32 {
			q[k] = v
		}
	}
	return q
}

// now is the time of day in unix ms.
func now() int64 { return time.Now().UnixMilli() }
