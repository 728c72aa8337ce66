package server

import (
	"fmt"
	"strings"
)

// Users of the embedded server. Three exist only inside the process.
const (
	userLocal      = "local"      // workers of this process; account PSE
	userFeed       = "feed"       // makes the log FEED; account INTEGRATORS
	userHealth     = "health"     // writes and reads to see whether that is possible; account HEALTH
	userWorker     = "worker"     // workers elsewhere; account PSE
	userIntegrator = "integrator" // reads events, answers hooks; account INTEGRATORS
)

// passwords are the users' passwords, or their hashes.
type passwords struct {
	Local      string `json:"-"` // new at every start
	Worker     string `json:"worker"`
	Integrator string `json:"integrator"`
}

// The mirror of EVENTS in the account INTEGRATORS reaches its source by these.
const (
	feedAPI     = "PSE.API"
	feedDeliver = "PSE.feed"
)

// accountsConfig says who may do what, in the server's own language.
//
// Workers share the account PSE and may do everything in it. Integrators
// never touch it: their account has a mirror of the events, FEED, on which
// they make consumers as they like, hears new events as plain messages too,
// answers the requests on hooks.v1 that PSE imports, asks the relay for
// credentials, and leaves what it gave up in the log of dead letters. Had they
// consumers in PSE, one that delivers to "hls.x.y" would write our logs.
func accountsConfig(s passwords, credentials string) string {
	publish := []string{
		"$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.LIST", "$JS.API.STREAM.INFO.FEED",
		"$JS.API.STREAM.MSG.GET.FEED", "$JS.API.DIRECT.GET.FEED", "$JS.API.DIRECT.GET.FEED.>",
		"$JS.API.CONSUMER.*.FEED", "$JS.API.CONSUMER.*.FEED.>",
		"$JS.API.CONSUMER.DURABLE.CREATE.FEED.>", "$JS.API.CONSUMER.MSG.NEXT.FEED.>",
		"$JS.ACK.FEED.>", "$JS.FC.FEED.>", credentials, "dead.v1.*.*.*.*",
	}
	return fmt.Sprintf(`
accounts {
  PSE {
    jetstream: enabled
    exports: [
      { stream: "events.>", accounts: [INTEGRATORS] }
      { stream: "hints.>", accounts: [INTEGRATORS] }
      { stream: "%[1]s.>", accounts: [INTEGRATORS] }
      { service: "$JS.API.CONSUMER.CREATE.EVENTS", response_type: stream, accounts: [INTEGRATORS] }
      { service: "$JS.API.CONSUMER.CREATE.EVENTS.>", response_type: stream, accounts: [INTEGRATORS] }
      { service: "$JS.FC.EVENTS.>", accounts: [INTEGRATORS] }
      { service: "%[11]s", accounts: [INTEGRATORS] }
      { service: "dead.v1.*.*.*.*", accounts: [INTEGRATORS] }
    ]
    imports: [ { service: { account: INTEGRATORS, subject: "hooks.v1.>" } } ]
    users: [
      { user: %[3]s, password: %[4]q, allowed_connection_types: ["IN_PROCESS"] }
      { user: %[5]s, password: %[6]q, allowed_connection_types: ["STANDARD"] }
    ]
  }
  INTEGRATORS {
    jetstream: { max_memory: 64MB, max_file: 2GB, max_streams: 1, max_consumers: 64 }
    exports: [ { service: "hooks.v1.>", accounts: [PSE] } ]
    imports: [
      { stream: { account: PSE, subject: "events.>" } }
      { stream: { account: PSE, subject: "hints.>" } }
      { stream: { account: PSE, subject: "%[1]s.>" } }
      { service: { account: PSE, subject: "$JS.API.CONSUMER.CREATE.EVENTS" }, to: "%[2]s.CONSUMER.CREATE.EVENTS" }
      { service: { account: PSE, subject: "$JS.API.CONSUMER.CREATE.EVENTS.>" }, to: "%[2]s.CONSUMER.CREATE.EVENTS.>" }
      { service: { account: PSE, subject: "$JS.FC.EVENTS.>" } }
      { service: { account: PSE, subject: "%[11]s" } }
      { service: { account: PSE, subject: "dead.v1.*.*.*.*" } }
    ]
    users: [
      { user: %[7]s, password: %[4]q, allowed_connection_types: ["IN_PROCESS"] }
      {
        user: %[8]s, password: %[9]q, allowed_connection_types: ["STANDARD"]
        permissions: {
          publish: { allow: ["%[10]s"] }
          subscribe: { allow: ["events.>", "hints.>", "hooks.v1.>", "_INBOX.>"] }
          allow_responses: { max: 1, expires: "1m" }
        }
      }
    ]
  }
  HEALTH {
    jetstream: { max_memory: 1MB, max_file: 16MB, max_streams: 2, max_consumers: 2 }
    users: [ { user: %[12]s, password: %[4]q, allowed_connection_types: ["IN_PROCESS"] } ]
  }
}`, feedDeliver, feedAPI, userLocal, s.Local, userWorker, s.Worker, userFeed, userIntegrator, s.Integrator, strings.Join(publish, `", "`), credentials, userHealth)
}
