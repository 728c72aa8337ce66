package main

// A source is the file that the configuration was read from.
type source struct {
	file   string // empty: none
	passed bool   // ./pse.yaml is there and was not read
}

// Where it is looked for when nobody says.
const (
	configHere   = "pse.yaml"
	configSystem = "/etc/pse/pse.yaml"
)

// String is for the log and for pse config.
func (f source) String() string {
	text := "no configuration file"
	if f.file != "" {
		text = "read from " + f.file
	}
	if f.passed {
		text += "; not from ./pse.yaml, which root takes only by name: --config pse.yaml"
	}
	return text
}
