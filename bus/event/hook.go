package event

// Hook is a question that an integrator may veto. Its Go type names it.
type Hook interface {
	Hook() string // one token: "publish"
}

// PublishHook asks whether a publisher may start (or resume) a stream. Its
// key has been checked already.
type PublishHook struct {
	Name   string `json:"name"`
	App    string `json:"app"`
	Addr   string `json:"addr"`   // host:port of the publisher
	KeyID  string `json:"key_id"` // which stream key; empty when keys are off
	Client string `json:"client"` // the publisher's software, as it says
}

// Hook implements Hook.
func (PublishHook) Hook() string { return "publish" }

// JoinHook asks whether a client may join a call. Its passphrase or link has
// been checked already.
type JoinHook struct {
	Room   string `json:"room"`
	Name   string `json:"name"`   // as the client says; empty: it does not
	Addr   string `json:"addr"`   // the client's address
	Client string `json:"client"` // its software, as it says
}

// Hook implements Hook.
func (JoinHook) Hook() string { return "join" }

// UploadHook asks whether somebody may send a file. Its key has been checked
// already. The verdict's Metadata, if any, takes the place of the sender's.
type UploadHook struct {
	Name     string            `json:"name"`     // of the file, without what does not belong into one
	Size     int64             `json:"size"`     // in bytes; -1: not known yet
	Metadata map[string]string `json:"metadata"` // as it was sent
	Owner    string            `json:"owner"`    // id of the key; empty: nobody knows
	Addr     string            `json:"addr"`     // host:port of the sender, or of the proxy in front
	Client   string            `json:"client"`   // its software, as it says
}

// Hook implements Hook.
func (UploadHook) Hook() string { return "upload" }

// CompleteHook asks whether a file that is all there may be shown. A veto
// removes it. Until then nobody gets it from the worker that asks.
type CompleteHook struct {
	Upload string `json:"upload"`
	Name   string `json:"name"` // of the file, without what does not belong into one
	Size   int64  `json:"size"` // in bytes
	Type   string `json:"type"` // media type, by what is in it
	Owner  string `json:"owner"`
	Path   string `json:"path"` // of the file on the worker's machine; s3://BUCKET/NAME of one in a bucket
}

// Hook implements Hook.
func (CompleteHook) Hook() string { return "complete" }

// Verdict is the answer to a hook.
type Verdict struct {
	Allow    bool              `json:"allow"`
	Reason   string            `json:"reason,omitempty"`   // for people, on a veto
	Metadata map[string]string `json:"metadata,omitempty"` // of UploadHook only

	unanswered bool
}

// NoAnswer is the verdict of who asks, where nobody answers.
func NoAnswer(allow bool, reason string) Verdict {
	return Verdict{Allow: allow, Reason: reason, unanswered: true}
}

// Unanswered says that nobody answers the hook: the verdict is the
// configuration's. Nobody has looked at what it is about.
func (v Verdict) Unanswered() bool { return v.unanswered }
