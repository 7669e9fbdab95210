package seriesfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// packed are the first bytes of files that must be unpacked first, with what does it.
var packed = []struct{ magic, is, unpack string }{
	{"\x1f\x8b", "compressed by gzip", "zcat"},
	{"BZh", "compressed by bzip2", "bzcat"},
	{"\xfd7zXZ\x00", "compressed by xz", "xzcat"},
	{"\x28\xb5\x2f\xfd", "compressed by zstd", "zstdcat"},
	{"PK\x03\x04", "a ZIP archive or a spreadsheet", "unzip -p, or save it as CSV"},
	{"SQLite format 3\x00", "a database", "sqlite3 -csv"},
	{"PAR1", "a Parquet file", "another program, and write CSV"},
}

// textOf is the file in UTF-8 with line feeds alone, whatever wrote it: Excel
// begins files with a mark and writes UTF-16, and CR alone ended lines once.
func textOf(raw []byte) ([]byte, error) {
	for _, p := range packed {
		if bytes.HasPrefix(raw, []byte(p.magic)) {
			return nil, fmt.Errorf("is %s: unpack it with %s, and name \"-\" to read that", p.is, p.unpack)
		}
	}
	if order := byteOrderOf(raw); order != nil {
		units := make([]uint16, (len(raw)-2)/2)
		for i := range units {
			units[i] = order.Uint16(raw[2+2*i:])
		}
		raw = []byte(string(utf16.Decode(units)))
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if bytes.IndexByte(raw, 0) >= 0 {
		return nil, errors.New("is no text, or UTF-16 or UTF-32 without a mark: save it as UTF-8")
	}
	raw = bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\n"))
	if utf8.Valid(raw) {
		return raw, nil
	}
	line := 1
	for text := range bytes.Lines(raw) {
		if !utf8.Valid(text) {
			break
		}
		line++
	}
	return nil, fmt.Errorf("line %d: is not UTF-8: convert the file, such as by iconv -f latin1 -t utf8", line)
}

// byteOrderOf is that of UTF-16 with a mark, nil for anything else.
func byteOrderOf(raw []byte) binary.ByteOrder {
	switch {
	case bytes.HasPrefix(raw, []byte("\xff\xfe\x00\x00")):
		return nil // UTF-32
	case bytes.HasPrefix(raw, []byte("\xff\xfe")):
		return binary.LittleEndian
	case bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return binary.BigEndian
	}
	return nil
}

// withoutComments empties the lines that begin with #, and keeps their number.
func withoutComments(text []byte) []byte {
	if bytes.IndexByte(text, '#') < 0 {
		return text
	}
	var kept []byte
	for line := range bytes.Lines(text) {
		if bytes.HasPrefix(bytes.TrimSpace(line), []byte("#")) {
			line = []byte("\n")
		}
		kept = append(kept, line...)
	}
	return kept
}
