package seriesfile

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// figure is one value of a file.
type figure struct {
	x      float64
	passed string // why the detector does not look at it; "" if it does
}

// missing is a figure that is not there.
var missing = figure{math.NaN(), "missing"}

// noFigure are the ways in which programs write that one is not there (those
// of pandas and R), in lower case.
var noFigure = map[string]bool{
	"": true, "nan": true, "-nan": true, "+nan": true, "na": true, "n/a": true, "#n/a": true, "<na>": true, "null": true,
	"none": true, "nil": true, "-": true, "--": true, "?": true,
}

// numberOf reads a figure; ok is false for what is not one.
func numberOf(text string) (f figure, ok bool) {
	text = strings.TrimSpace(text)
	if noFigure[strings.ToLower(text)] {
		return missing, true
	}
	x, err := strconv.ParseFloat(text, 64)
	underflow := err == nil && x == 0 && !zero().MatchString(text)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return figure{}, false
	case math.IsInf(x, 0) || underflow:
		return figure{x, "infinite, or beyond what a float64 holds"}, true
	case x <= 0:
		return figure{x, "not greater than 0"}, true
	}
	return figure{x, ""}, true
}

// zero is a number without a digit but 0 before its exponent.
// Patterns are compiled when they are needed: benchd starts itself as a workload,
// and what it sets up at its start is in the figures of that.
var zero = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[+-]?(0[xX])?[0_.]+([eEpP].*)?$`) })

var decimalComma = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[+-]?\d+,\d+([eE][+-]?\d+)?$`) })

// isNoNumber says so, and what may be meant, else what to try.
func isNoNumber(text, try string) string {
	trimmed := strings.TrimSpace(text)
	fields := strings.Fields(trimmed)
	begin := strings.TrimRight(trimmed, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµ%/ \u00a0")
	_, hasUnit := numberOf(begin)
	switch {
	case decimalComma().MatchString(trimmed):
		try = "write a point for the comma, if that is a decimal one"
	case len(fields) > 1 && allNumbers(fields):
		try = "separate columns by comma, semicolon or tab, not by blanks"
	case begin != "" && hasUnit:
		try = "leave the unit out"
	}
	return fmt.Sprintf("%q is not a number: %s", abbreviate(text), try)
}

func allNumbers(fields []string) bool {
	for _, f := range fields {
		if _, ok := numberOf(f); !ok {
			return false
		}
	}
	return true
}

// abbreviate bounds what a message quotes of a file.
func abbreviate(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "..."
	}
	return text
}

// listOf names columns or keys, quoted where they might be taken for two, and not all of thousands.
func listOf(names []string) string {
	const shown = 20
	var quoted []string
	for _, name := range names[:min(len(names), shown)] {
		if len(name) > 60 || !plainName().MatchString(name) {
			name = strconv.Quote(abbreviate(name))
		}
		quoted = append(quoted, name)
	}
	list := strings.Join(quoted, ", ")
	if more := len(names) - shown; more > 0 {
		list += " and " + strconv.Itoa(more) + " more"
	}
	return list
}

var plainName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[\p{L}\p{N}_./:%()\[\]-]+$`) })
