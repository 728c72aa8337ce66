package s3

import (
	"context"
	"net/http"
	"net/url"
)

// List lists a page of the keys that begin with prefix, by ListObjectsV2: with a
// delimiter, what stands there for those that have it behind the prefix, too. next
// is where the next page begins; empty: there is none.
func (c *Client) List(ctx context.Context, prefix, delimiter, from string) (keys []string, next string, err error) {
	v := url.Values{"list-type": {"2"}, "prefix": {prefix}}
	if delimiter != "" {
		v.Set("delimiter", delimiter)
	}
	if from != "" {
		v.Set("continuation-token", from)
	}
	var a struct {
		IsTruncated           bool
		NextContinuationToken string
		Contents              []struct{ Key string }
		CommonPrefixes        []struct{ Prefix string }
	}
	if _, err := c.do(ctx, request{method: http.MethodGet, query: v, sum: noBody}, decode(&a)); err != nil {
		return nil, "", err
	}
	for _, x := range a.Contents {
		keys = append(keys, x.Key)
	}
	for _, x := range a.CommonPrefixes {
		keys = append(keys, x.Prefix)
	}
	if a.IsTruncated {
		next = a.NextContinuationToken
	}
	return keys, next, nil
}
