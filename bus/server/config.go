package server

import "time"

// startTime is how long a start may take on a busy machine, step by step.
const startTime = 20 * time.Second

// Config says where and how the server runs.
type Config struct {
	Dir    string // where file logs and passwords are kept; made if missing, used by one server at a time
	Listen string // host:port for TCP clients; empty: only this process can connect; port 0 takes a free one

	TLSCert, TLSKey    string // PEM files: TCP clients must use TLS
	WorkerPassword     string // of the user "worker"; empty: the one made at the first start
	IntegratorPassword string // of the user "integrator"; empty: likewise

	MaxClients int // connections, those that have not said who they are included, and those of this process; 0: 1024
}

// Content is what the server carries and only those above know.
type Content struct {
	MaxPayload  int               // of a message, bytes
	PerSubject  int64             // events of one subject that LogFeed keeps
	Credentials string            // the subject where integrators may ask for a relay's credentials
	Full        map[string]string // what to say of logs that forget early, by their name
}
