package main

import "strings"

// A finding is one thing that the doctor looked at.
type finding struct {
	Name  string `json:"name"`           // of the thing, always the same
	State string `json:"state"`          // stateOK, stateWarn or stateFail
	Text  string `json:"text"`           // what was seen
	Next  string `json:"next,omitempty"` // what to do, unless all is well
}

// The states of a finding.
const (
	stateOK   = "ok"
	stateWarn = "warn" // PSE works, but not as it could
	stateFail = "fail"
)

func well(name, text string) finding { return finding{Name: name, State: stateOK, Text: text} }

func warned(name, text, next string) finding {
	return finding{Name: name, State: stateWarn, Text: text, Next: next}
}

func failed(name, text, next string) finding {
	return finding{Name: name, State: stateFail, Text: text, Next: next}
}

// failedBy makes a finding of an error. What follows the last semicolon of a line of
// ours is what to do; where there is none it is next.
func failedBy(name string, err error, next string) finding {
	var texts, steps []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		text := line
		if i := strings.LastIndex(line, "; "); i > 0 {
			text = line[:i]
			steps = append(steps, line[i+2:])
		}
		texts = append(texts, text)
	}
	if len(steps) == 0 {
		steps = []string{next}
	}
	return failed(name, strings.Join(texts, "; "), strings.Join(steps, "; "))
}
