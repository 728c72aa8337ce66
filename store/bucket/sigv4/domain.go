package sigv4

import "strings"

// Domain is that of Amazon's servers in a region, which stands behind the
// service's name and the region's.
func Domain(region string) string {
	for prefix, domain := range map[string]string{
		"cn-": "amazonaws.com.cn", "eusc-": "amazonaws.eu",
		"us-iso-": "c2s.ic.gov", "us-isob-": "sc2s.sgov.gov", "us-isof-": "csp.hci.ic.gov", "eu-isoe-": "cloud.adc-e.uk",
	} {
		if strings.HasPrefix(region, prefix) {
			return domain
		}
	}
	return "amazonaws.com"
}
