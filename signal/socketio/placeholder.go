package socketio

import (
	"bytes"
	"encoding/json"
)

// A placeholder is {"_placeholder":true,"num":n} where the n-th attachment
// belongs (Protocol, "Packet encoding").

// placed reports whether all placeholders in valid JSON have their attachment.
// One that has none makes the receiving client end its connection, so it
// must not be passed on.
func placed(b []byte, attachments int) bool {
	if !bytes.Contains(b, []byte(`\`)) && !bytes.Contains(b, []byte("_placeholder")) {
		return true
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var open []object // the objects and arrays around
	for {
		t, err := d.Token()
		if err != nil {
			return true // the end; the JSON is known to be valid
		}
		if delim, ok := t.(json.Delim); ok {
			switch delim {
			case '{', '[':
				if n := len(open); n > 0 {
					open[n-1].value(nil)
				}
				open = append(open, object{array: delim == '['})
				continue
			}
			o := open[len(open)-1]
			open = open[:len(open)-1]
			if o.placeholder && !o.within(attachments) {
				return false
			}
			continue
		}
		open[len(open)-1].value(t)
	}
}

// object is what is known of an object while it is read. As in JavaScript the
// last of two equal keys counts.
type object struct {
	array       bool
	hasKey      bool
	key         string
	placeholder bool
	num         json.Token
}

// value takes the next key or value.
func (o *object) value(t json.Token) {
	switch {
	case o.array:
		return
	case !o.hasKey:
		o.key, o.hasKey = t.(string), true
		return
	case o.key == "_placeholder":
		o.placeholder = t == true
	case o.key == "num":
		o.num = t
	}
	o.hasKey = false
}

func (o *object) within(attachments int) bool {
	n, ok := o.num.(json.Number)
	if !ok {
		return false
	}
	i, err := n.Int64()
	return err == nil && i >= 0 && i < int64(attachments)
}
