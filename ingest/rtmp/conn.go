package rtmp

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"

	"go.uber.org/zap"
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

	sink  Sink        // nil: the peer does not publish
	clean atomic.Bool // the peer said goodbye
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
	if !login {
		return nil
	}
	if r := c.adobe.check(q, c.addr, c.publisher.Login); r != nil {
		return c.fail(0, r)
	}
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
	c.filter.publish()
	return nil
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

// fail tells the peer a status, if err is one, and returns the error that ends
// its connection.
func (c *conn) fail(stream uint32, err error) error {
	var status *StatusError
	if !errors.As(err, &status) {
		return err
	}
	c.filter.refuse(stream, status)
	if !strings.HasPrefix(status.Text, adobeReject) { // that is a step of the dance
		c.cfg.Refused(status.Code)
		c.log.Info("publisher refused", zap.String("code", status.Code), zap.String("reason", status.Text))
	}
	return status
}

// goodbye says that the peer stops on purpose.
func (c *conn) goodbye() {
	if c.sink != nil {
		c.clean.Store(true)
	}
}

func (c *conn) closed() {
	if c.sink != nil {
		c.sink.End(c.clean.Load())
	}
}
