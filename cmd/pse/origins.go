package main

// origins say where each value came from: a setting's key to "pse.yaml:3",
// "PSE_HTTP_LISTEN" or "--http". Defaults are not in it.
type origins map[string]string

// given tells whether somebody has set it.
func (o origins) given(key string) bool { return o[key] != "" }
