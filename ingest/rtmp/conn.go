package rtmp

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"

	"go.uber.org/zap"

	"github.com/helios-h2020/pse/ingest/amf"
	"github.com/helios-h2020/pse/ingest/rtmp/chunk"
)

// conn is one peer's connection: what the protocol's commands do. All of it
// runs on the connection's reading goroutine, but for closed.
type conn struct {
	cfg       *Config
	adobe     *adobeAuth
	filter    *filter
	addr      net.Addr
	log       *zap.Logger
	publisher Publisher

	connected bool         // the command connect was answered
	sink      Sink         // nil: the peer does not publish
	told      *StatusError // the connection's last words
}

func (c *conn) transport() io.ReadWriteCloser { return c.filter }

// connect checks the app, and user and password where they are asked for.
func (c *conn) connect(app, tcURL, software string) error {
	app, rest, _ := strings.Cut(app, "?")
	q := parseQuery(rest)
	if _, rest, ok := strings.Cut(tcURL, "?"); ok {
		for k, v := range parseQuery(rest) {
			if _, has := q[k]; !has {
				q[k] = v
			}
		}
	}
	login, err := c.publisher.Connect(strings.Trim(app, "/"), software, q)
	if err != nil {
		return c.fail(0, err)
	}
	if login {
		if r := c.adobe.check(q, c.addr, c.publisher.Login); r != nil {
			return c.fail(0, r)
		}
	}
	c.connected = true
	return nil
}

// publish lets the peer have the name, or says why not.
func (c *conn) publish(raw string, stream uint32) error {
	if c.sink != nil {
		return c.fail(stream, Errorf(CodeBadName, "this connection publishes already; open another one"))
	}
	name, rest, _ := strings.Cut(raw, "?")
	sink, err := c.publisher.Publish(name, parseQuery(rest))
	if err != nil {
		return c.fail(stream, err)
	}
	c.sink = sink
	c.filter.stream, c.filter.media = stream, c.tag
	c.filter.admit()
	return c.filter.started(stream, name)
}

func (c *conn) play(stream uint32) error {
	return c.fail(stream, Errorf(CodePlayFailed, "RTMP is for publishing here; watch this stream on its page"))
}

// tag takes a message of the publishing stream.
func (c *conn) tag(kind byte, ts uint32, data []byte) error {
	if err := c.sink.Tag(kind, ts, data); err != nil {
		return c.fail(c.filter.stream, err)
	}
	if !c.filter.flowing {
		c.filter.flowing = c.sink.Flowing()
	}
	return nil
}

// fail tells the peer an error, which it returns: that ends its connection.
func (c *conn) fail(stream uint32, err error) error {
	var status *StatusError
	if !errors.As(err, &status) {
		status = Errorf(CodeFailed, "the server cannot go on with this (%v); try again in a moment", err)
	}
	c.tell(stream, status, "publisher refused")
	return err
}

// tell says why the connection ends: to its peer, to the log and to who counts.
func (c *conn) tell(stream uint32, why *StatusError, message string) {
	c.told = why
	connect := !c.connected
	if connect && !strings.HasPrefix(why.Code, "NetConnection.") {
		why = Errorf(CodeConnectRejected, "%s", why.Text)
	}
	if c.filter.refuse(stream, why, connect) && !strings.HasPrefix(why.Text, adobeReject) { // that is a step of the dance
		c.cfg.Refused(why.Code)
		c.log.Info(message, zap.String("code", why.Code), zap.String("reason", why.Text))
	}
}

// goodbye says that the peer stops on purpose. It may publish again.
func (c *conn) goodbye() {
	if c.sink == nil {
		return
	}
	c.sink.End(true, nil)
	c.sink = nil
	if c.filter.flowing {
		c.filter.commands = 0
	}
	c.filter.unsettle(c.cfg.SetupTimeout)
}

func (c *conn) closed() {
	why := c.why()
	if c.sink != nil {
		c.sink.End(false, why)
	}
	if why != nil && why != c.told {
		c.tell(c.filter.stream, why, "publisher cut off")
	}
}

// why is the reason for the connection's end if that is our doing, else nil.
func (c *conn) why() *StatusError {
	cutOff, failed := c.filter.cutOff.Load(), c.filter.failed
	switch {
	case c.told != nil:
		return c.told
	case cutOff != nil:
		return cutOff
	case c.filter.dead.Load(): // the peer's side of it is gone
		return nil
	case failed == nil: // it was not reading that failed
		return errCommand
	case errors.Is(failed, os.ErrDeadlineExceeded):
		return c.late()
	case errors.Is(failed, chunk.ErrLimit), errors.Is(failed, chunk.ErrMalformed), errors.Is(failed, amf.ErrMalformed), errors.Is(failed, errCommands):
		return Errorf(CodeRejected, "what was sent is not RTMP as it is taken here (%v); restart the encoder", failed)
	}
	return nil
}

// late is what a peer is told who let its time pass.
func (c *conn) late() *StatusError {
	cfg := c.cfg
	switch {
	case c.sink == nil:
		return Errorf(CodeFailed, "nothing was published within %v; try again", cfg.SetupTimeout)
	case !c.filter.flowing:
		return Errorf(CodeFailed, "no media that can be shown came within %v: it takes the configuration of the codec (sequence header), and a key frame; restart the encoder", cfg.IdleTimeout)
	}
	return Errorf(CodeFailed, "nothing came for %v; look at the network, and publish again", cfg.IdleTimeout)
}
