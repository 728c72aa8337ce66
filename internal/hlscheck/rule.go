package hlscheck

// Rule is one sentence a server must hold to.
type Rule struct {
	ID   string // "part.longest"
	Line string // the heading of docs/hls.md it is under
	Text string
	Spec string // section of RFC 8216bis, or "A ..." of Apple's authoring specification

	// What looks at it; usually one of them is set.
	reply   func(*verdict, *reply)
	list    func(*verdict, *listing)
	segment func(*verdict, *whole)
	pair    func(*verdict, *pair)
	hint    func(*verdict, *hinted)
	master  func(*verdict, *mastering)
	end     func(*verdict, *stream)
}

// Rules is every rule there is, in the order of docs/hls.md.
func Rules() []Rule {
	var all []Rule
	for _, p := range []struct {
		line  string
		rules []Rule
	}{
		{"Durations", durationRules()},
		{"Sequence", sequenceRules()},
		{"Server control", controlRules()},
		{"Media", mediaRules()},
		{"Discontinuity", discontinuityRules()},
		{"Blocking reload", reloadRules()},
		{"Delta updates", deltaRules()},
		{"Preload hint", hintRules()},
		{"Rendition reports", reportRules()},
		{"Master", masterRules()},
		{"HTTP", httpRules()},
		{"Syntax and size", syntaxRules()},
	} {
		for _, r := range p.rules {
			r.Line = p.line
			all = append(all, r)
		}
	}
	return all
}
