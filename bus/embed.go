package bus

import (
	"go.uber.org/zap"

	"github.com/helios-h2020/pse/bus/server"
)

// Server is the embedded server, for who runs it and for Options.
type Server = server.Server

// ServerConfig says where and how it runs.
type ServerConfig = server.Config

// StartServer starts the embedded server and returns when it takes connections.
// It fails if another server uses the directory.
func StartServer(cfg ServerConfig, log *zap.Logger) (*Server, error) {
	return server.Start(cfg, server.Content{
		MaxPayload: MaxPayload, PerSubject: mostOfASubject, Credentials: requestSubject(WorkerTurn, EndpointCredentials), Full: fullLogs(),
	}, log)
}

// fullLogs says of logs that forget early what becomes of that, and what to change.
func fullLogs() map[string]string {
	return map[string]string{
		logHLS:    "viewers can go back less far; raise bus.hls_bytes, or lower bus.dvr",
		logMedia:  "a transcoder that was away finds less of the source; lower bus.media_age, or have fewer streams on one bus",
		logEvents: "subscribers that were away for longer miss some",
		logCalls:  "who comes back to a call may have missed some",
	}
}
