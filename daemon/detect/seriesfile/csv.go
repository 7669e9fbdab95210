package seriesfile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLine bounds a line of CSV, and so its columns: some thousands have less.
const maxLine = 4 << 20

// readCSV reads rows separated by comma, semicolon or tab.
func readCSV(b *builder, text []byte, o Options) error {
	text, delimiter := delimiterOf(text)
	n := 0
	for line := range bytes.Lines(text) {
		if n++; len(line) > maxLine {
			return fmt.Errorf("line %d: is longer than %d MiB: is it CSV? try -format json", n, maxLine>>20)
		}
	}
	r := rowsOf(text, delimiter)
	first, err := r.next()
	if err != nil {
		return err
	}
	second, err := r.next()
	if err != nil {
		return err
	}
	var names []string
	comment, err := rowsOf([]byte(commentBefore(text)), delimiter).next()
	if err == nil && len(comment) == len(first) && len(first) > 1 && o.Header == nil && !looksLikeNames(first, second) {
		names = comment
	}
	table, err := layoutOf(first, second, names, o)
	if err != nil {
		return fmt.Errorf("line %d: %w", r.firstLine, err)
	}
	if !table.header {
		table.read(b, r.firstLine, first)
	}
	for row := second; row != nil && !b.full(); {
		table.read(b, r.line, row)
		if row, err = r.next(); err != nil {
			return err
		}
	}
	return nil
}

// rows are the records of CSV.
type rows struct {
	*csv.Reader
	firstLine, line int
}

func rowsOf(text []byte, delimiter rune) *rows {
	r := csv.NewReader(bytes.NewReader(text))
	r.Comma = delimiter
	r.Comment = '#'
	r.FieldsPerRecord = -1 // told with the line, by layout.read
	r.TrimLeadingSpace = delimiter != '\t'
	return &rows{Reader: r}
}

// next is nil at the end.
func (r *rows) next() ([]string, error) {
	row, err := r.Read()
	var parse *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil
	case errors.As(err, &parse):
		return nil, fmt.Errorf("line %d: is not CSV: %w; try -format json, or quote the field", parse.StartLine, parse.Err)
	case err != nil:
		return nil, err
	}
	r.line, _ = r.FieldPos(0)
	if r.firstLine == 0 {
		r.firstLine = r.line
	}
	return row, nil
}

// commentBefore is the last comment before the first row: numpy and gnuplot have the
// names of columns there.
func commentBefore(text []byte) string {
	comment := ""
	for line := range bytes.Lines(text) {
		after, is := strings.CutPrefix(strings.TrimSpace(string(line)), "#")
		if !is && after != "" {
			break
		}
		if is {
			comment = strings.TrimSpace(after)
		}
	}
	return comment
}

// sniffed is how many lines tell the delimiter.
const sniffed = 20

// delimiterOf is the one that the first lines have equally many of, outside
// quotes: the first alone may be of names with commas in them, and values may have decimal
// commas. Excel's own "sep=;" is taken at its word, and emptied.
func delimiterOf(text []byte) ([]byte, rune) {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	if after, ok := bytes.CutPrefix(bytes.ToLower(first), []byte("sep=")); ok && len(after) == 1 && strings.ContainsAny(string(after), ",;\t") {
		return append([]byte("\n"), rest...), rune(after[0])
	}
	most, best := 0, ','
	for _, delimiter := range "\t;," {
		lines, least, largest := 0, 0, 0
		for line := range bytes.Lines(text) {
			if line = bytes.TrimSpace(unquoted(line)); len(line) == 0 || line[0] == '#' {
				continue
			}
			n := bytes.Count(line, []byte(string(delimiter)))
			if lines == 0 {
				least = n
			}
			least, largest = min(least, n), max(largest, n)
			if lines++; lines == sniffed {
				break
			}
		}
		if least > 0 && least == largest {
			return text, delimiter
		}
		if largest > most {
			most, best = largest, delimiter
		}
	}
	return text, best
}

// unquoted is the line without what is in quotes.
func unquoted(line []byte) []byte {
	var out []byte
	for i, part := range bytes.Split(line, []byte(`"`)) {
		if i%2 == 0 {
			out = append(out, part...)
		}
	}
	return out
}
