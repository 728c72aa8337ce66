package bucket

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Config is a bucket of Amazon's S3, or of a server that speaks as it does,
// as MinIO, Ceph and Garage. It is the store, and Config.Dir holds parts on
// their way. Its files cannot be followed while they are being sent. The keys
// must allow to get, put, delete and list objects, and to make them of parts.
type Config struct {
	Bucket          string `yaml:"bucket"`           // it must be there; empty: files are kept in Config.Dir
	Endpoint        string `yaml:"endpoint"`         // as https://s3.example.org:9000; empty: Amazon's of the region
	Region          string `yaml:"region"`           // empty: AWS_REGION, else us-east-1
	Prefix          string `yaml:"prefix"`           // of all names in the bucket
	PathStyle       bool   `yaml:"path_style"`       // the bucket is in the path of URLs, not in the host
	CredentialsFile string `yaml:"credentials_file"` // as ~/.aws/credentials, of which [default] holds; empty: what Amazon's tools use, AWS_ACCESS_KEY_ID and so on: see package credentials
	PartSize        int64  `yaml:"part_size"`        // bytes that are sent at once; more for large files
}

// Validate says what is wrong with it. None at all is right: files are kept elsewhere.
func (c Config) Validate() error {
	if c == (Config{PartSize: c.PartSize}) && c.PartSize >= leastPart {
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	switch {
	case c.Bucket == "":
		return errors.New("transfer.s3 has no bucket; name one with transfer.s3.bucket, or leave the rest of transfer.s3 out to keep files in transfer.dir")
	case strings.ContainsAny(c.Bucket, ":/") || strings.HasSuffix(c.Bucket, "--x-s3"):
		return fmt.Errorf("transfer.s3.bucket is %q; use the name of a general purpose bucket, or the alias of an access point", c.Bucket)
	case c.Endpoint != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != ""):
		return fmt.Errorf("transfer.s3.endpoint is %q; use a URL without a bucket and without keys, as https://s3.example.org:9000", c.Endpoint)
	case c.PartSize < leastPart || c.PartSize > 1<<30:
		return fmt.Errorf("transfer.s3.part_size is %d; use bytes from %d (5 MiB, which servers want) to %d (1 GiB)", c.PartSize, leastPart, 1<<30)
	case strings.HasPrefix(c.Prefix, "/"):
		return fmt.Errorf("transfer.s3.prefix is %q; names in buckets do not begin with /, leave it out", c.Prefix)
	}
	return nil
}

// leastPart is the smallest part but for the last, in bytes.
const leastPart = 5 << 20
