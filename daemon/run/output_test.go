package run

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOutput(t *testing.T) {
	head, tail := strings.Repeat("h", keepHead), strings.Repeat("t", keepTail)
	tests := []struct {
		name, text, want string
	}{
		{"nothing", "", ""},
		{"little", " so \n", "so"},
		{"all that fits", head + tail, head + tail},
		{"one byte too many", head + "x" + tail, head + "\n... 1 bytes left out ...\n" + tail},
		{"much too many", head + strings.Repeat("x", 1<<20) + tail, head + "\n... 1048576 bytes left out ...\n" + tail},
		{"not UTF-8", "a\xff\xfeb\x00c", "a\uFFFDb\x00c"},
	}
	for _, test := range tests {
		for _, size := range []int{1, 1000, 1 << 21} {
			t.Run(fmt.Sprintf("%s by %d", test.name, size), func(t *testing.T) {
				if size == 1 && len(test.text) > 1<<18 {
					return // says no more than the shorter ones
				}
				var o output
				for text := []byte(test.text); len(text) > 0; {
					n, err := o.Write(text[:min(size, len(text))])
					if n != min(size, len(text)) || err != nil {
						t.Fatalf("wrote %d, %v", n, err)
					}
					text = text[n:]
				}
				if got := o.String(); got != test.want {
					t.Errorf("got %d bytes, %.40q ... want %d, %.40q", len(got), got, len(test.want), test.want)
				}
			})
		}
	}
}

// A cut may go through the middle of a character.
func TestOutputIsUTF8(t *testing.T) {
	var o output
	_, _ = o.Write([]byte(strings.Repeat("ä€", keepHead+keepTail)))
	if text := o.String(); !utf8.ValidString(text) || len(text) > keepHead+keepTail+100 {
		t.Errorf("%d bytes, valid: %v", len(text), utf8.ValidString(text))
	}
}

// A process that has fled may hold the pipe for ever.
func TestOutputIsNotAwaitedForEver(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	o := capture(r)
	fmt.Fprint(w, "last words")
	o.wait()
	if got := o.String(); got != "last words" {
		t.Errorf("got %q", got)
	}
	if _, err := w.WriteString("more"); err == nil {
		t.Error("it is still being read")
	}
}
