// Package cpubound is the task cpu-bound for Go's models of concurrency:
// character encoding. Every file but this one is one model.
package cpubound

import (
	"hash/crc32"
	"strconv"
	"strings"
	"unicode/utf8"

	"benchd/workloads/workload"
)

const (
	letters = "abcdefghijklmnopqrstuvwxyz"
	// The query starts as the letters, doubles with each URL, and starts again
	// after it has reached 1,000 bytes: 26, 52, ... 1664.
	queryLengths = 7
)

// chunk is the number of URLs that are handed to a worker at once: a channel
// costs about 100 ns, a URL some 2 us.
const chunk = 500

// input is the URLs of one run, numbered from 0 to items-1. They are made when
// they are asked for, never held all at once.
type input struct {
	urls    int // different ones; the numbering starts again after each pass
	items   int // URLs over all passes
	queries [queryLengths]string
}

func newInput(w *workload.Workload) (*input, error) {
	urls, err := w.Int("urls")
	if err != nil {
		return nil, err
	}
	in := &input{urls: urls, items: urls * w.Passes}
	for i := range in.queries {
		in.queries[i] = "?query=" + strings.Repeat(letters, 1<<i)
	}
	return in, nil
}

// appendURL appends URL number item.
func (in *input) appendURL(to []byte, item int) []byte {
	i := item % in.urls
	to = append(to, "https://httpbin.org/anything/"...)
	to = strconv.AppendInt(to, int64(i), 10)
	return append(to, in.queries[i%queryLengths]...)
}

// encode does the work for the URLs from first up to, not including, last: it
// walks over every character, encodes it on its own and adds up the bytes.
func (in *input) encode(first, last int) workload.Tally {
	var t workload.Tally
	var url []byte
	var encoded [utf8.UTFMax]byte
	for item := first; item < last; item++ {
		url = in.appendURL(url[:0], item)
		for _, character := range string(url) {
			t.Units += uint64(utf8.EncodeRune(encoded[:], character))
		}
		t.Checksum += uint64(crc32.ChecksumIEEE(url))
		t.Items++
	}
	return t
}
