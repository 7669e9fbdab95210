package seriesfile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// readCSV reads rows separated by comma, semicolon or tab. A first row that
// has no number where the values are is a header.
func readCSV(b *builder, raw []byte, o Options) error {
	r := csv.NewReader(bytes.NewReader(raw))
	r.Comma = delimiterOf(raw)
	r.FieldsPerRecord = -1 // told with the line, below
	r.TrimLeadingSpace = r.Comma != '\t'
	var table *layout
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			var parse *csv.ParseError
			if errors.As(err, &parse) {
				return fmt.Errorf("line %d: is not CSV: %w; try -format json, or quote the field", parse.Line, parse.Err)
			}
			return err
		}
		line, _ := r.FieldPos(0)
		if table == nil {
			if table, err = layoutOf(row, o); err != nil {
				return fmt.Errorf("line %d: %w", line, err)
			}
			if table.header {
				continue
			}
		}
		table.read(b, line, row)
	}
}

// delimiterOf is the one that the first line has most of.
func delimiterOf(raw []byte) rune {
	first, _, _ := bytes.Cut(bytes.TrimSpace(raw), []byte("\n"))
	best := ','
	for _, c := range ";\t" {
		if bytes.Count(first, []byte(string(c))) > bytes.Count(first, []byte(string(best))) {
			best = c
		}
	}
	return best
}

type layout struct {
	header       bool
	name         string
	value, block int // columns from 0; block -1 is none
	width        int
}

func layoutOf(first []string, o Options) (*layout, error) {
	l := &layout{block: -1, width: len(first)}
	names := make([]string, len(first))
	for i, f := range first {
		names[i] = strings.TrimSpace(f)
	}
	var err error
	if o.Column == "" {
		if len(names) > 1 {
			return nil, fmt.Errorf("has %d columns, %s: say which one by -column", len(names), strings.Join(names, ", "))
		}
	} else if l.value, err = columnOf(names, o.Column, "-column"); err != nil {
		return nil, err
	}
	if o.Block != "" {
		if l.block, err = columnOf(names, o.Block, "-block"); err != nil {
			return nil, err
		}
	}
	if _, ok := number(names[l.value]); !ok {
		l.header = true
		l.name = names[l.value]
	}
	return l, nil
}

// columnOf finds a column by its name, else by its number from 1.
func columnOf(names []string, want, flag string) (int, error) {
	if i := slices.Index(names, want); i >= 0 {
		return i, nil
	}
	if n, err := strconv.Atoi(want); err == nil && n >= 1 && n <= len(names) {
		return n - 1, nil
	}
	return 0, fmt.Errorf("has no column %q: %s may be one of %s, or a number of 1 to %d",
		want, flag, strings.Join(names, ", "), len(names))
}

func (l *layout) read(b *builder, line int, row []string) {
	if len(row) != l.width {
		b.fault("line %d: has %d fields, the first line has %d: mend the line", line, len(row), l.width)
		return
	}
	x, ok := number(row[l.value])
	if !ok {
		b.fault("line %d: %q is not a number: mend or remove the line, or name another column by -column", line, row[l.value])
		return
	}
	var block *string
	if l.block >= 0 {
		block = &row[l.block]
	}
	b.add(l.name, line, x, block)
}
