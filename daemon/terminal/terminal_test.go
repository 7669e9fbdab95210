package terminal

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"asyncio+threads · cpython-3.13": "asyncio+threads · cpython-3.13",
		"two\n\tlines":                   "two\n\tlines",
		"20\u00a0% of Köln, 東京, 🚀":       "20\u00a0% of Köln, 東京, 🚀",
		"\x1b[2J\x1b]0;title\a":          `\u001b[2J\u001b]0;title\u0007`,
		"over\rwritten\b\x7f\x00":        `over\u000dwritten\u0008\u007f\u0000`,
		"\u009b31m":                      `\u009b31m`,
		"\u202egpj.exe\u2066\u2069":      `\u202egpj.exe\u2066\u2069`,
		"zero\u200bwidth\ufeff\u00ad":    `zero\u200bwidth\ufeff\u00ad`,
		"line\u2028paragraph\u2029":      `line\u2028paragraph\u2029`,
		"tag\U000e0041":                  `tag\udb40\udc41`,
		"latin-1 \xe9, cut \xe2\x82":     `latin-1 \xe9, cut \xe2\x82`,
		"raw \x9b31m":                    `raw \x9b31m`,
		"shown \ufffd":                   "shown \ufffd",
	} {
		if got := string(Escape([]byte(text))); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	if got, want := Line("a\nb\tc\x1b"), `a\u000ab\u0009c\u001b`; got != want {
		t.Errorf("a line: got %s, want %s", got, want)
	}
}

// FuzzEscape wants nothing left that a terminal obeys, and JSON to stay what it is.
func FuzzEscape(f *testing.F) {
	f.Add("a\x1b\u202e\U000e0041\x9b")
	f.Fuzz(func(t *testing.T, text string) {
		got := string(Escape([]byte(text)))
		if !utf8.ValidString(got) {
			t.Errorf("%q: %q is no UTF-8", text, got)
		}
		for _, r := range got {
			if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Cf, r) {
				t.Errorf("%q: %U is left", text, r)
			}
		}
		document, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var before, after string
		if err := errors.Join(json.Unmarshal(document, &before), json.Unmarshal(Escape(document), &after)); err != nil || before != after {
			t.Errorf("JSON of %q became %q, %v", before, after, err)
		}
	})
}

func TestWriter(t *testing.T) {
	var shown strings.Builder
	n, err := Writer{&shown}.Write([]byte("a\x1bb\n"))
	if n != 4 || err != nil || shown.String() != "a\\u001bb\n" {
		t.Errorf("wrote %d of %q, %v", n, shown.String(), err)
	}
}
