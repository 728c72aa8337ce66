package housetest

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// documents are the pages that people read, not those of the web.
func documents(t *testing.T) []string { return files(t, ".md") }

// text is a file of the repository.
func text(t *testing.T, name string) string {
	t.Helper()
	_, s := lines(t, name)
	return s
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
	return err == nil
}

// A reader who is sent to a document must find it here: not everybody has what
// its author had on the desk.
func TestNamedDocumentsExist(t *testing.T) {
	named := regexp.MustCompile(`[A-Za-z0-9_./-]*[A-Za-z0-9_-]\.md\b`)
	for _, name := range files(t, ".go", ".ts", ".js", ".mjs", ".css", ".html", ".md", ".sh", ".yaml", ".json", ".conf", ".service", "file") {
		for _, doc := range named.FindAllString(text(t, name), -1) {
			if strings.HasPrefix(doc, "//") || name == "internal/housetest/document_test.go" {
				continue
			}
			found := false
			for _, dir := range []string{"", path.Dir(name), "docs"} {
				found = found || exists(path.Join(dir, doc))
			}
			if !found {
				t.Errorf("%s names %s, which is not in the repository", name, doc)
			}
		}
	}
}

// Links within the repository lead to a file, and to a heading of it.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	all := 0
	for _, name := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(prose(text(t, name)), -1) {
			to := m[1]
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			all++
			file, anchor, _ := strings.Cut(to, "#")
			target := name
			if file != "" {
				target = path.Join(path.Dir(name), file)
			}
			if !exists(target) {
				t.Errorf("%s links to %s, which is not there", name, to)
				continue
			}
			if anchor != "" && !headings(text(t, target))[anchor] {
				t.Errorf("%s links to %s, and %s has no such heading", name, to, target)
			}
		}
	}
	if all < 30 {
		t.Errorf("found %d links: the test looks at the wrong files", all)
	}
}

// Every page of docs can be reached from its index, and the index from README.
func TestEveryPageIsInTheIndex(t *testing.T) {
	if !strings.Contains(text(t, "README.md"), "](docs/README.md)") || !strings.Contains(text(t, "README.md"), "](docs/integrators.md)") {
		t.Error("README.md does not link to docs/README.md and docs/integrators.md")
	}
	index := text(t, "docs/README.md")
	for _, name := range documents(t) {
		page, ok := strings.CutPrefix(name, "docs/")
		if ok && page != "README.md" && !strings.Contains(index, "]("+page+")") {
			t.Errorf("docs/README.md does not link to %s", page)
		}
	}
}

// Files that documents name in code style exist.
func TestNamedFilesExist(t *testing.T) {
	named := regexp.MustCompile("`([a-z][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_.-]+)+/?)`")
	tops := map[string]bool{}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		tops[e.Name()] = e.IsDir()
	}
	for _, name := range documents(t) {
		if !strings.HasPrefix(name, "docs/") && name != "README.md" {
			continue
		}
		for _, m := range named.FindAllStringSubmatch(prose(text(t, name)), -1) {
			top, _, _ := strings.Cut(m[1], "/")
			if tops[top] && !strings.Contains(m[1], "NAME") && !exists(m[1]) && !exists(path.Join(path.Dir(name), m[1])) {
				t.Errorf("%s names %s, which is not there", name, m[1])
			}
		}
	}
}

// prose is a document without its blocks of code.
func prose(s string) string {
	var b strings.Builder
	code := false
	for line := range strings.Lines(s) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			code = !code
			continue
		}
		if !code {
			b.WriteString(line)
		}
	}
	return b.String()
}

// headings are the anchors of a document, as GitHub makes them.
func headings(s string) map[string]bool {
	all := map[string]bool{}
	for line := range strings.Lines(prose(s)) {
		title := strings.TrimLeft(line, "#")
		if title == line || !strings.HasPrefix(title, " ") {
			continue
		}
		all[slug(strings.TrimSpace(title))] = true
	}
	return all
}

func slug(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, title)
}
