// Package seriesfile reads series of figures from files that others wrote: CSV,
// JSON and JSON lines. It serves `benchd detect`, and imports only the
// detector whose values it fills.
//
// A value that says nothing of a level is passed over, counted and named,
// whatever its form: an empty cell, NaN, null, a missing key, zero. Whatever
// else is not a number refuses the file, for it may be another column, unit or
// notation, and its figures would be wrong.
package seriesfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"benchd/daemon/detect"
)

// bounds are of what a file without an end can take: /dev/zero, or a log that
// was named by mistake.
type bounds struct {
	mebibytes, values int
}

// Series are figures in order of time.
type Series struct {
	Name   string         // of the column or object that it was read from; "" for a plain list
	Values []detect.Value // with those that are passed over, so that indices are those of the file
	Rows   []int          // of each value: its line in CSV, its number from 1 in JSON
	Passed []Passed       // what the detector does not look at
}

// Passed counts the values that are passed over for one reason.
type Passed struct {
	Reason string
	Count  int
	Row    int // of the first
}

// Options say what is to be read.
type Options struct {
	Format string // csv or json, JSON lines included; "" is to look at the content
	Column string // name, or number from 1 in CSV; "" where there is no choice
	Block  string // column whose values tell runs of one block; "" is a block for each value
	Header *bool  // whether the first line of CSV holds names; nil is to look at the content
}

const wanted = "want one value a line, CSV with -column, or JSON"

// Read reads all series of a file. Errors say where and what to try, but do
// not name the file. All faults are reported, the first of them in full.
func Read(r io.Reader, o Options) ([]Series, error) {
	return read(r, o, bounds{256, 10_000_000})
}

func read(r io.Reader, o Options, most bounds) ([]Series, error) {
	raw, err := io.ReadAll(io.LimitReader(r, int64(most.mebibytes)<<20+1))
	switch {
	case err != nil:
		return nil, err
	case len(raw) > most.mebibytes<<20:
		return nil, fmt.Errorf("has more than %d MiB: cut out the column, or take the newest part", most.mebibytes)
	}
	text, err := textOf(raw)
	if err != nil {
		return nil, err
	}
	begin := bytes.TrimSpace(withoutComments(text))
	if len(begin) == 0 {
		return nil, errors.New("is empty: " + wanted)
	}
	format := o.Format
	if format == "" {
		format = "csv"
		if begin[0] == '[' || begin[0] == '{' {
			format = "json"
		}
	}
	b := builder{most: most.values}
	switch format {
	case "csv":
		err = readCSV(&b, text, o)
	case "json":
		err = readJSON(&b, text, o)
	default:
		return nil, fmt.Errorf("no format %q: want csv or json, which includes JSON lines", format)
	}
	if err == nil {
		err = b.err()
	}
	if err != nil {
		return nil, err
	}
	if len(b.all) == 0 {
		return nil, errors.New("has no values: " + wanted)
	}
	return b.all, nil
}

// builder collects values and faults.
type builder struct {
	all    []Series
	byName map[string]int
	blocks map[string]int64
	faults []string
	count  int
	values int
	most   int // values
}

// shownFaults of one file are told in full; a wrong column has one in each line.
const shownFaults = 5

func (b *builder) fault(format string, args ...any) {
	b.count++
	if b.count <= shownFaults {
		b.faults = append(b.faults, fmt.Sprintf(format, args...))
	}
}

func (b *builder) err() error {
	if b.full() {
		return fmt.Errorf("has more than %d values: take the newest part", b.most)
	}
	if b.count == 0 {
		return nil
	}
	text := strings.Join(b.faults, "\n")
	if more := b.count - len(b.faults); more > 0 {
		text += fmt.Sprintf("\nand %d more like these", more)
	}
	return errors.New(text)
}

// full says that there is no use in reading on.
func (b *builder) full() bool { return b.values > b.most }

// add appends a value to the series of that name.
func (b *builder) add(name string, row int, f figure, block *string) {
	i, ok := b.byName[name]
	if !ok {
		if b.byName == nil {
			b.byName = map[string]int{}
		}
		i = len(b.all)
		b.byName[name] = i
		b.all = append(b.all, Series{Name: name})
	}
	s := &b.all[i]
	v := detect.Value{X: f.x, Block: int64(len(s.Values))}
	if block != nil {
		v.Block = b.blockOf(*block)
	}
	s.Values = append(s.Values, v)
	s.Rows = append(s.Rows, row)
	if f.passed != "" {
		s.pass(f.passed, row)
	}
	b.values++
}

func (s *Series) pass(reason string, row int) {
	for i := range s.Passed {
		if s.Passed[i].Reason == reason {
			s.Passed[i].Count++
			return
		}
	}
	s.Passed = append(s.Passed, Passed{reason, 1, row})
}

// blockOf numbers blocks by their text, which may be a revision or a date.
func (b *builder) blockOf(text string) int64 {
	n, ok := b.blocks[text]
	if !ok {
		if b.blocks == nil {
			b.blocks = map[string]int64{}
		}
		n = int64(len(b.blocks))
		b.blocks[text] = n
	}
	return n
}
