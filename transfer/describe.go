package transfer

import (
	"strings"
	"time"

	"github.com/helios-h2020/pse/store"
)

// fileJSON is a file in answers. Times are unix ms, sizes bytes.
type fileJSON struct {
	Upload      string     `json:"upload"`
	Name        string     `json:"name"`
	Type        string     `json:"type"`
	Inline      bool       `json:"inline"`
	Size        int64      `json:"size"`
	Offset      int64      `json:"offset"`
	Complete    bool       `json:"complete"`
	Corrupt     bool       `json:"corrupt,omitempty"`
	Partial     bool       `json:"partial,omitempty"`
	SHA256      string     `json:"sha256,omitempty"`
	CreatedAt   int64      `json:"created_at"`
	CompletedAt int64      `json:"completed_at,omitempty"`
	ExpiresAt   int64      `json:"expires_at,omitempty"`
	URL         string     `json:"url,omitempty"`
	UploadURL   string     `json:"upload_url,omitempty"`
	Links       []linkJSON `json:"links,omitempty"`
	Of          string     `json:"of,omitempty"` // the label of its owner's key, for the box's owner
}

// linkJSON is a link in answers. Times are unix ms.
type linkJSON struct {
	Key       string `json:"key"`
	URL       string `json:"url"`
	Label     string `json:"label,omitempty"`
	CreatedAt int64  `json:"created_at"`
	ExpiresAt int64  `json:"expires_at,omitempty"`
}

// describer says what answers have of files.
type describer struct {
	store *store.Store

	incompleteFor, keep time.Duration // see Config
}

// describe describes a file; all: as to its owner.
func (a *describer) describe(i *store.Info, all bool) (fileJSON, error) {
	f := fileJSON{
		Upload: i.Name, Name: fileName(i.Meta), Type: servedType(i.Type), Inline: shown(i.Type), Size: i.Size, Offset: i.Size,
		Complete: i.Complete(), Corrupt: i.Corrupt, Partial: i.Partial, SHA256: i.SHA256, CreatedAt: i.Created, CompletedAt: i.Completed,
	}
	if i.Type == "" {
		f.Type = claimedType(i.Meta)
	}
	switch {
	case !i.Complete():
		var err error
		if f.Offset, err = a.store.Offset(i); err != nil {
			return f, err
		}
		if at, err := a.store.LastWrite(i); err == nil {
			f.ExpiresAt = at.Add(a.incompleteFor).UnixMilli()
		}
	case i.Partial: // removed when its owner's partial uploads have got nothing for long
	case a.keep > 0:
		f.ExpiresAt = i.CompletedAt().Add(a.keep).UnixMilli()
	}
	if !all {
		return f, nil
	}
	f.UploadURL = filesRoot + i.Name + "-" + i.Key
	links, err := a.store.Links(i.Name)
	for _, l := range links {
		f.Links = append(f.Links, describeLink(i.Name, l))
	}
	if l, ok := store.Lasting(links, a.store.Now()); ok {
		f.URL = describeLink(i.Name, l).URL
	}
	return f, err
}

func describeLink(name string, l store.Link) linkJSON {
	return linkJSON{Key: l.Key, URL: filesRoot + name + "-" + l.Key, Label: strings.ToValidUTF8(l.Label, ""), CreatedAt: l.Created, ExpiresAt: l.Until}
}
