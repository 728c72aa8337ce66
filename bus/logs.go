package bus

import (
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/helios-h2020/pse/bus/conn"
	"github.com/helios-h2020/pse/bus/server"
)

// Names of the logs and buckets, and of the subjects they hold (docs/architecture.md, "The bus").
const (
	logEvents     = server.LogEvents
	logDead       = "DEAD"
	logMedia      = "MEDIA"
	logHLS        = "HLS"
	logCalls      = "CALLS"
	bucketLive    = "LIVE"
	bucketLease   = "LEASE"
	bucketRooms   = "ROOMS"
	bucketSecrets = "SECRETS"
	bucketKeys    = "KEYS"
	bucketRelays  = "RELAYS"

	subjectMedia  = "media."  // + sid
	subjectHLS    = "hls."    // + sid + "." + rendition
	subjectPoster = "poster." // + sid + "." + size
	subjectCalls  = "calls."  // + Bus.ID of the worker that wrote it
	subjectKeys   = "$KV." + bucketKeys + "."
)

// mostOfASubject is how many events of one topic and resource the log keeps:
// segment.ready of one name would fill it within days, and have the facts that an
// integrator comes back for go early. It is some hours of a stream, 13 MB.
const mostOfASubject = 20000

// LogConfig says how the logs are kept. The zero value is the default of each field.
type LogConfig struct {
	DVR       time.Duration // how far back viewers may seek; default 2 minutes
	HLSMemory bool          // keep the parts log in memory instead of in files
	HLSBytes  int64         // the parts log's limit, oldest go first; default 8 GiB, in memory 1 GiB
	MediaAge  time.Duration // how long the media log keeps the source; default 30 s
	Replicas  int           // of every log, on an operator's cluster; default 1

	Given Given // which of them logs that are there follow
}

// Given says which settings of logs their owner has given.
type Given struct {
	DVR, HLSMemory, HLSBytes, MediaAge, Replicas bool
	Rest                                         bool // what logs are made with and nobody sets
}

var everything = Given{DVR: true, HLSMemory: true, HLSBytes: true, MediaAge: true, Replicas: true, Rest: true}

func (c LogConfig) withDefaults() LogConfig {
	if c.DVR <= 0 {
		c.DVR = 2 * time.Minute
	}
	if c.HLSBytes <= 0 {
		c.HLSBytes = 8 << 30
		if c.HLSMemory {
			c.HLSBytes = 1 << 30
		}
	}
	if c.MediaAge <= 0 {
		c.MediaAge = 30 * time.Second
	}
	if c.Replicas <= 0 {
		c.Replicas = 1
	}
	return c
}

// PartsAge is how long the parts log keeps a part, for a window of a length: a
// list may show one for half as long again where the publisher paused, or a
// minute and a half for the sake of its number of segments, and it can be
// fetched for as long again after it left (RFC 8216bis 6.2.2). Two minutes are
// for what lags, and for a publisher who is away time and again while the list
// stands still.
func PartsAge(dvr time.Duration) time.Duration { return max(3*dvr, 3*time.Minute) + 2*time.Minute }

func (c LogConfig) streams(now time.Time) []jetstream.StreamConfig {
	hlsStorage := jetstream.FileStorage
	if c.HLSMemory {
		hlsStorage = jetstream.MemoryStorage
	}
	return []jetstream.StreamConfig{
		{
			Name: logEvents, Subjects: []string{"events.>"}, Storage: jetstream.FileStorage, Replicas: c.Replicas,
			MaxAge: 7 * 24 * time.Hour, MaxBytes: 1 << 30, MaxMsgsPerSubject: mostOfASubject, Discard: jetstream.DiscardOld,
			Duplicates: time.Hour, AllowDirect: true,
		},
		{
			Name: logDead, Subjects: []string{"dead.>"}, Storage: jetstream.FileStorage, Replicas: c.Replicas,
			MaxAge: 30 * 24 * time.Hour, MaxBytes: 64 << 20, Discard: jetstream.DiscardOld,
			Duplicates: 2 * time.Minute, AllowDirect: true,
		},
		{
			// A memory log is gone when its server is. Numbers that start at the
			// time of day let a reader that survived go on: none is ever reused.
			Name: logMedia, Subjects: []string{subjectMedia + ">"}, Storage: jetstream.MemoryStorage, Replicas: c.Replicas,
			MaxAge: c.MediaAge, MaxBytes: 2 << 30, Discard: jetstream.DiscardOld,
			FirstSeq: uint64(now.UnixMilli()), Duplicates: c.MediaAge, AllowDirect: true,
		},
		{
			// Numbers as above: edges go on when a log that is in memory, or was wiped, begins anew.
			Name: logHLS, Subjects: []string{subjectHLS + ">", subjectPoster + ">"}, Storage: hlsStorage, Replicas: c.Replicas,
			MaxAge: PartsAge(c.DVR), MaxBytes: c.HLSBytes, Discard: jetstream.DiscardOld,
			FirstSeq: uint64(now.UnixMilli()), Duplicates: 10 * time.Second, AllowDirect: true,
		},
		{
			// In files, so that what was acknowledged to a client outlives the
			// server. Numbers as above: clients come back with them.
			Name: logCalls, Subjects: []string{subjectCalls + ">"}, Storage: jetstream.FileStorage, Replicas: c.Replicas,
			MaxAge: 2 * CallsAge, MaxBytes: 1 << 30, Discard: jetstream.DiscardOld,
			FirstSeq: uint64(now.UnixMilli()), Duplicates: CallsAge, AllowDirect: true,
		},
	}
}

func (c LogConfig) buckets() []jetstream.KeyValueConfig {
	return []jetstream.KeyValueConfig{
		{Bucket: bucketLive, Storage: jetstream.FileStorage, History: 1, Replicas: c.Replicas},
		{Bucket: bucketLease, Storage: jetstream.FileStorage, History: 1, TTL: time.Minute, Replicas: c.Replicas},
		{Bucket: bucketRooms, Storage: jetstream.FileStorage, History: 1, Replicas: c.Replicas, LimitMarkerTTL: conn.MarkerTTL},
		{Bucket: bucketSecrets, Storage: jetstream.FileStorage, History: 1, Replicas: c.Replicas},
		{Bucket: bucketKeys, Storage: jetstream.FileStorage, History: 1, Replicas: c.Replicas},
		{Bucket: bucketRelays, Storage: jetstream.FileStorage, History: 1, Replicas: c.Replicas, LimitMarkerTTL: conn.MarkerTTL},
	}
}

// wanted are all that are to be there.
func (c LogConfig) wanted() conn.Logs {
	return conn.Logs{Streams: c.streams, Buckets: c.buckets(), Replicas: c.Replicas, Room: c.room()}
}

// room is how much the logs take of a server, or of an account with one replica.
func (c LogConfig) room() string {
	var memory, files int64
	for _, sc := range c.streams(time.Time{}) {
		if sc.Storage == jetstream.MemoryStorage {
			memory += sc.MaxBytes
		} else {
			files += sc.MaxBytes
		}
	}
	return fmt.Sprintf("%d MiB in memory and %d MiB in files are wanted (%d MiB of it are bus.hls_bytes), times bus.replicas for an account",
		memory>>20, files>>20, c.HLSBytes>>20)
}

// MaxPayload is the largest message the bus carries, in bytes.
const MaxPayload = conn.MaxPayload
