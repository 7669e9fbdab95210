package seriesfile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// layout is where a row has what.
type layout struct {
	header       bool
	name         string
	value, block int // columns from 0; block -1 is none
	width        int
}

// layoutOf looks at the first two rows, and at the names in a comment before them, if there are.
func layoutOf(first, second, commented []string, o Options) (*layout, error) {
	l := &layout{block: -1, width: len(first)}
	names := commented
	if names == nil {
		names = first
		l.header = looksLikeNames(first, second)
		if o.Header != nil {
			l.header = *o.Header
		}
	}
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	sure := o.Header != nil || commented != nil
	var err error
	if o.Column == "" {
		if len(names) > 1 {
			hint := ""
			if len(names) == 2 && allNumbers(names) {
				hint = ", or write points for commas if they are decimal ones"
			}
			return nil, fmt.Errorf("has %d columns, %s: say which one by -column%s", len(names), listOf(names), hint)
		}
	} else if l.value, err = l.columnOf(names, o.Column, "-column", sure); err != nil {
		return nil, err
	}
	if o.Block != "" {
		if l.block, err = l.columnOf(names, o.Block, "-block", sure); err != nil {
			return nil, err
		}
		if l.block == l.value {
			return nil, fmt.Errorf("-column and -block are the same column, %s: each value would be a block of its own; name another one", listOf(names[l.value:l.value+1]))
		}
	}
	if l.header || commented != nil {
		l.name = names[l.value]
	}
	return l, nil
}

// looksLikeNames tells a first row of names from one of values: it has words where
// the next row has numbers, or words alone.
func looksLikeNames(first, second []string) bool {
	words := 0
	for i, text := range first {
		if _, ok := numberOf(text); ok {
			continue
		}
		words++
		if i < len(second) {
			if _, ok := numberOf(second[i]); ok {
				return true
			}
		}
	}
	return words == len(first)
}

// columnOf finds a column by its name, else by its number from 1. A name in a
// first row of numbers makes that row one of names.
func (l *layout) columnOf(names []string, want, flag string, sure bool) (int, error) {
	n, err := strconv.Atoi(want)
	isNumber := err == nil && n >= 1 && n <= len(names)
	if sure && !l.header && isNumber {
		return n - 1, nil
	}
	i := slices.Index(names, want)
	switch {
	case i == n-1 && isNumber && !l.header && !numbered(names):
		return i, nil // a value that happens to be the number of its column
	case i >= 0 && !l.header && !sure && isNumber:
		return 0, fmt.Errorf("%s %s may be the column's number, or its name if the first line is one of names: say -header=true or -header=false", flag, want)
	case i >= 0 && slices.Contains(names[i+1:], want):
		return 0, fmt.Errorf("has several columns %q: say by %s which one, by its number of 1 to %d", want, flag, len(names))
	case i >= 0:
		l.header = l.header || !sure
		return i, nil
	case isNumber:
		return n - 1, nil
	case len(names) == 1 && !l.header:
		return 0, errors.New("has one column without a name: leave " + flag + " out")
	}
	return 0, fmt.Errorf("has no column %q: %s may be one of %s, or a number of 1 to %d", want, flag, listOf(names), len(names))
}

// numbered says that each column has its number for a name, or for its first value.
func numbered(names []string) bool {
	for i, name := range names {
		if name != strconv.Itoa(i+1) {
			return false
		}
	}
	return true
}

func (l *layout) read(b *builder, line int, row []string) {
	if len(row) != l.width {
		b.fault("line %d: has %d fields, the first line has %d: mend the line", line, len(row), l.width)
		return
	}
	f, ok := numberOf(row[l.value])
	if !ok {
		b.fault("line %d: %s", line, isNoNumber(row[l.value], "mend or remove the line, or name another column by -column"))
		return
	}
	var block *string
	if l.block >= 0 {
		block = &row[l.block]
	}
	b.add(l.name, line, f, block)
}
