package credentials

import (
	"cmp"
	"os"
)

// Default looks for keys as the package says, and for the region that goes with
// them. Without one, otherwise is it. Those of profiles are read now, and an error
// if they cannot be; others when they are asked for.
func Default(otherwise string) (s *Source, region string, err error) {
	p, all, err := chosenProfile()
	if err != nil {
		return nil, "", err
	}
	region = cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), p["region"])
	c := chain{roles: tokenService{cmp.Or(region, otherwise)}, profiles: all}
	get, err := c.first(p)
	if err != nil {
		return nil, "", err
	}
	return newSource(get), region, nil
}
