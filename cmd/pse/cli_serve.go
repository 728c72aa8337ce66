package main

import "github.com/spf13/cobra"

type serveCommand struct {
	Workers                 []string
	HTTP, RTMP, Turn, Admin string
	Open, Demo              bool
}

func newServeCommand(s *scope) *cobra.Command {
	c := &serveCommand{}
	serve := s.leaf("serve", "Run workers: all of them in this process, or those named.", c,
		argument{name: "workers", help: "bus, ingest, transcode, edge, signal, turn, transfer. None: all of them.", many: &c.Workers, of: namesOf(workers())})
	textVar(serve.Flags(), &c.HTTP, "http", "ADDR", "Listen here for viewers.")
	textVar(serve.Flags(), &c.RTMP, "rtmp", "ADDR", "Listen here for publishers.")
	textVar(serve.Flags(), &c.Turn, "turn", "ADDR", "Listen here for STUN and TURN.")
	textVar(serve.Flags(), &c.Admin, "admin", "ADDR", "Listen here for health, metrics and profiles.")
	toggleVar(serve, &c.Open, "open", "Publish and send files without keys. For a lab.")
	toggleVar(serve, &c.Demo, "demo", "Publish a generated picture as stream \"demo\".")
	return serve
}

// Run serves until the context ends.
func (c *serveCommand) Run(s *scope) error {
	return serve(s.ctx, func() (*loaded, error) { return c.load(s) }, c.Workers, c.Demo, s.std)
}

// load reads the configuration with what serve has of its own over it.
func (c *serveCommand) load(s *scope) (*loaded, error) {
	return s.load(
		override{"http.listen", c.HTTP, "--http"}, override{"ingest.listen", c.RTMP, "--rtmp"},
		override{"turn.listen", c.Turn, "--turn"},
		override{"admin.listen", c.Admin, "--admin"}, override{"ingest.open", truth(c.Open), "--open"},
		override{"transfer.open", truth(c.Open), "--open"},
	)
}

func truth(set bool) string {
	if set {
		return "true"
	}
	return ""
}
