// Package seriesfile reads series of figures from files that others wrote: CSV,
// JSON and JSON lines. It serves `benchd detect`, and imports only the
// detector whose values it fills.
package seriesfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"benchd/daemon/detect"
)

// Series are figures in order of time.
type Series struct {
	Name   string         // of the column or object that it was read from; "" for a plain list
	Values []detect.Value // finite, but perhaps not positive: the detector passes those over
	Rows   []int          // of each value: its line in CSV, its number from 1 in JSON
}

// Options say what is to be read.
type Options struct {
	Format string // csv or json, JSON lines included; "" is to look at the content
	Column string // name, or number from 1 in CSV; "" where there is no choice
	Block  string // column whose values tell runs of one block; "" is a block for each value
}

// Read reads all series of a file. Errors say where and what to try, but do
// not name the file. All faults are reported, the first of them in full.
func Read(r io.Reader, o Options) ([]Series, error) {
	raw, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff")) // the mark that Excel begins files with
	trimmed := bytes.TrimSpace(raw)
	if len(trimmed) == 0 {
		return nil, errors.New("is empty: want one value a line, CSV with -column, or JSON")
	}
	format := o.Format
	if format == "" {
		format = "csv"
		if trimmed[0] == '[' || trimmed[0] == '{' {
			format = "json"
		}
	}
	b := builder{}
	switch format {
	case "csv":
		err = readCSV(&b, raw, o)
	case "json":
		err = readJSON(&b, raw, o)
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
		return nil, errors.New("has no values: want one value a line, CSV with -column, or JSON")
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
	if b.count == 0 {
		return nil
	}
	text := strings.Join(b.faults, "\n")
	if more := b.count - len(b.faults); more > 0 {
		text += fmt.Sprintf("\nand %d more like these", more)
	}
	return errors.New(text)
}

// add appends a value to the series of that name.
func (b *builder) add(name string, row int, x float64, block *string) {
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
	v := detect.Value{X: x, Block: int64(len(s.Values))}
	if block != nil {
		v.Block = b.blockOf(*block)
	}
	s.Values = append(s.Values, v)
	s.Rows = append(s.Rows, row)
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

// number parses what is finite: a file's NaN is a figure that is not there.
func number(text string) (float64, bool) {
	x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	return x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
}
