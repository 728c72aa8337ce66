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
	end     func(*verdict, *checker)
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

// verdict is where a rule says what it found at one observation.
type verdict struct {
	c    *checker
	rule int // its place in the checker's rules
}

// check counts one use of the rule and, unless ok, a finding.
func (v *verdict) check(ok bool, where, format string, args ...any) {
	v.c.results.add(v.rule, ok, where, format, args...)
}
