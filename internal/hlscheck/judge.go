package hlscheck

// A judge hands what was observed to the rules, each of which looks at what it is about.
type judge struct {
	opts    Options
	stream  *stream
	rules   []Rule
	results *results
}

func newJudge(o Options, s *stream) *judge {
	rules := Rules()
	return &judge{opts: o, stream: s, rules: rules, results: newResults(rules)}
}

// verdict is where a rule says what it found at one observation.
type verdict struct {
	*judge
	rule int // its place in the judge's rules
}

// check counts one use of the rule and, unless ok, a finding.
func (v *verdict) check(ok bool, where, format string, args ...any) {
	v.results.add(v.rule, ok, where, format, args...)
}

func (j *judge) reply(r *reply) {
	for i, rule := range j.rules {
		if rule.reply != nil {
			rule.reply(&verdict{j, i}, r)
		}
	}
}

func (j *judge) list(l *listing) {
	for i, rule := range j.rules {
		if rule.list != nil {
			rule.list(&verdict{j, i}, l)
		}
	}
}

func (j *judge) segment(w *whole) {
	for i, rule := range j.rules {
		if rule.segment != nil {
			rule.segment(&verdict{j, i}, w)
		}
	}
}

func (j *judge) pair(p *pair) {
	for i, rule := range j.rules {
		if rule.pair != nil {
			rule.pair(&verdict{j, i}, p)
		}
	}
}

func (j *judge) hint(h *hinted) {
	for i, rule := range j.rules {
		if rule.hint != nil {
			rule.hint(&verdict{j, i}, h)
		}
	}
}

func (j *judge) master(m *Master, rep *reply) {
	for i, rule := range j.rules {
		if rule.master != nil {
			rule.master(&verdict{j, i}, &mastering{m, rep})
		}
	}
}

// end is when no rendition is watched any more.
func (j *judge) end() {
	for i, rule := range j.rules {
		if rule.end != nil {
			rule.end(&verdict{j, i}, j.stream)
		}
	}
}

// syntax counts one parsed playlist or media file for the syntax rules.
func (j *judge) syntax(rep *reply, err error) {
	for i, rule := range j.rules {
		if rule.ID == syntaxRule && rep.purpose.playlist() || rule.ID == boxesRule && rep.purpose.media() {
			(&verdict{j, i}).check(err == nil, rep.where(), "%v", err)
		}
	}
}
