package ingest

import (
	"errors"

	"github.com/helios-h2020/pse/ingest/rtmp"
)

var (
	errStale           = errors.New("the record went on")
	errReturned        = rtmp.Errorf(rtmp.CodeBadName, "the publisher came back on another connection")
	errElsewhere       = rtmp.Errorf(rtmp.CodeBadName, "the publisher came back at another server")
	errRevoked         = rtmp.Errorf(rtmp.CodeDenied, "the stream key was revoked")
	errPictures        = rtmp.Errorf(rtmp.CodeRejected, "the pictures are no H.264 as FLV has it (NAL units with their lengths), nor with start codes; restart the encoder, or take another one")
	errEnhancedPackets = rtmp.Errorf(rtmp.CodeRejected, "the packets are no Enhanced RTMP (v2); restart the encoder, or switch that off in it")
	errNoTrack         = rtmp.Errorf(rtmp.CodeRejected, "the first track (track 0) does not come, and it is the one that is taken here; have the encoder send a single track, or the main one as its first")
	errOpus            = rtmp.Errorf(rtmp.CodeRejected, "audio in Opus is not taken here: AAC is made of it, and there is no ffmpeg beside ingest that does; set the encoder's audio codec to AAC, or install ffmpeg on that machine")
	errHEVCConfig      = rtmp.Errorf(rtmp.CodeRejected, "the HEVC configuration is broken; restart the encoder, or set its video codec to H.264 (AVC)")
	errAV1Config       = rtmp.Errorf(rtmp.CodeRejected, "the AV1 configuration is broken; restart the encoder, or set its video codec to H.264 (AVC)")
	errAVCConfig       = rtmp.Errorf(rtmp.CodeRejected, "the H.264 configuration is broken; restart the encoder")
)

// asStatus is what the publisher is told of an error.
func asStatus(err error) *rtmp.StatusError {
	var status *rtmp.StatusError
	if errors.As(err, &status) {
		return status
	}
	return rtmp.Errorf(rtmp.CodeFailed, "the server cannot take a stream now (%v); try again in a moment", err)
}

// busy is what those who want a name that another publisher has are told.
func busy(name string) *rtmp.StatusError {
	return rtmp.Errorf(rtmp.CodeBadName, "%q is live from another publisher; choose another name, or stop that one", name)
}

// taken is what an encoder is told whose key is publishing the name from another one.
func taken(name string) *rtmp.StatusError {
	return rtmp.Errorf(rtmp.CodeBadName, "%q is live from another encoder with this key, and that one goes on; stop it first, choose another name, or add &takeover=1 to the stream key to take over", name)
}
