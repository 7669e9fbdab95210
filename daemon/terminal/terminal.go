// Package terminal makes text of others fit to be shown. It lies below the flow:
// all that prints, answers or labels uses it.
//
// What workloads, manifests, files and persons write reaches the terminals of
// other people: through commands, the log, and curl. There an ESC moves the
// cursor or sets the window's title, U+009B does the same, and U+202E reverses
// the order of what follows.
package terminal

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Escape replaces what a terminal obeys rather than shows, and what is no UTF-8.
// Line ends and tabs stay: they are the layout. A character is replaced by its
// escape sequence in JSON, so that a document of JSON means the same afterwards.
func Escape(text []byte) []byte { return escape(text, "\n\t") }

// Text is Escape for a string.
func Text(text string) string { return escapeString(text, "\n\t") }

// Line is Text within a line: it cannot begin a new one.
func Line(text string) string { return escapeString(text, "") }

func escapeString(text, layout string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return isObeyed(r, layout) }) {
		return text // nearly always: without a copy
	}
	return string(escape([]byte(text), layout))
}

func escape(text []byte, layout string) []byte {
	var escaped []byte // nil while nothing had to be replaced
	done := 0          // so much of the text is in escaped
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if replacement := replacementOf(r, text[at:at+size], layout); replacement != "" {
			escaped = append(append(escaped, text[done:at]...), replacement...)
			done = at + size
		}
		at += size
	}
	if escaped == nil {
		return text
	}
	return append(escaped, text[done:]...)
}

// replacementOf is "" for what can be shown.
func replacementOf(r rune, encoded []byte, layout string) string {
	switch {
	case r == utf8.RuneError && len(encoded) == 1:
		return fmt.Sprintf(`\x%02x`, encoded[0])
	case !isObeyed(r, layout):
		return ""
	case r > 0xFFFF:
		high, low := utf16.EncodeRune(r)
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

func isObeyed(r rune, layout string) bool {
	return unicode.In(r, unicode.C, unicode.Zl, unicode.Zp) && !strings.ContainsRune(layout, r)
}

// Writer escapes what is written through it. Each Write must be whole: a
// character in two pieces is taken for bytes that are no UTF-8.
type Writer struct{ io.Writer }

// Write implements io.Writer.
func (w Writer) Write(text []byte) (int, error) {
	if _, err := w.Writer.Write(Escape(text)); err != nil {
		return 0, err
	}
	return len(text), nil
}
