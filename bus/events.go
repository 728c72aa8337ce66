package bus

import "github.com/helios-h2020/pse/bus/event"

// Events and hooks are package event's, which programs of others have too. A worker
// needs no more than package bus.
type (
	Event    = event.Event
	Envelope = event.Envelope

	StreamStarted     = event.StreamStarted
	StreamInterrupted = event.StreamInterrupted
	StreamResumed     = event.StreamResumed
	StreamEnded       = event.StreamEnded
	RenditionReady    = event.RenditionReady
	SegmentReady      = event.SegmentReady
	CallStarted       = event.CallStarted
	CallJoined        = event.CallJoined
	CallLeft          = event.CallLeft
	CallEnded         = event.CallEnded
	RelayOpened       = event.RelayOpened
	RelayClosed       = event.RelayClosed
	UploadCreated     = event.UploadCreated
	UploadProgress    = event.UploadProgress
	UploadCompleted   = event.UploadCompleted
	UploadRemoved     = event.UploadRemoved
	UploadCorrupt     = event.UploadCorrupt

	Hook         = event.Hook
	PublishHook  = event.PublishHook
	JoinHook     = event.JoinHook
	UploadHook   = event.UploadHook
	CompleteHook = event.CompleteHook
	Verdict      = event.Verdict
)

// ErrBadEvent says that an event does not parse or may not be published.
var ErrBadEvent = event.ErrBadEvent
