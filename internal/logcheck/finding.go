package logcheck

import "fmt"

// Finding is one way in which the log is not right.
type Finding struct {
	Rule  Rule
	Where string // "source 17.3"
	What  string
}

// String implements fmt.Stringer.
func (f Finding) String() string { return fmt.Sprintf("%s: %s: %s", f.Rule, f.Where, f.What) }

// Rule names what a finding is of.
type Rule string

// The rules.
const (
	NumberGap     Rule = "number.gap"     // numbers are left out
	NumberAgain   Rule = "number.again"   // numbers are used twice or go back
	Unfinished    Rule = "unfinished"     // a segment has no last part, and media goes on
	Shape         Rule = "shape"          // a segment without its facts, or media that does not parse
	SegmentSame   Rule = "segment.same"   // renditions differ in what they say of a segment
	FlagMissing   Rule = "flag.missing"   // media does not go on, and no flag says so
	FlagNeedless  Rule = "flag.needless"  // a flag where media goes on
	FlagNumber    Rule = "flag.number"    // the discontinuity sequence
	PartLong      Rule = "part.long"      // above PART-TARGET
	PartShort     Rule = "part.short"     // below 85 % of it, and neither independent nor the last
	SegmentLong   Rule = "segment.long"   // does not round to TARGETDURATION
	TargetChanged Rule = "target.changed" // within a session
	ClockBack     Rule = "clock.back"     // the stream clock goes back
	DateJump      Rule = "date.jump"      // a date that is not the one before plus the duration
	DateBack      Rule = "date.back"      // a date before the end of what came before
	DateWrong     Rule = "date.wrong"     // not the publisher's
	EndAgain      Rule = "end.again"      // two ends of a session, or parts after it
	EndMissing    Rule = "end.missing"    // a session that is over has none
	MediaLost     Rule = "media.lost"     // the publisher sent it, and it is not there
	MediaAgain    Rule = "media.again"    // it comes twice or goes back
	SoundMadeUp   Rule = "sound.made-up"  // silence where the publisher sent sound
)
