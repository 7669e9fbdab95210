package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"benchd/daemon/bench"
	"benchd/daemon/detect"
	"benchd/daemon/detect/seriesfile"
	"benchd/daemon/terminal"
)

const detectUsage = `benchd detect prints the lasting changes of level in series of figures.

Usage:
  benchd detect [flags] FILE...

The detector is the one that the daemon asks after each run. It goes through a
series as if its values came one by one, and holds those after a change against
the new level. "-" reads standard input.

A file is one of
  one value a line
  CSV       separated by comma, semicolon or tab, with -column where there are
            several; the first line is a header if it has words where the next
            has numbers, or if -column is a name in it; lines with # are comments
  JSON      an array of numbers; objects with a number each, with -column; an
            object, or several, with an array of numbers each, named by "id"
            or "name"
  JSON lines of the same

A value that tells no level is passed over, counted and said: one that is
missing (an empty cell, NaN, null, a missing key), not greater than 0, or
infinite. Any other text in place of a number refuses the file.

Each change is a row: the first value of the new level, by its index from 0 and
by its row (its line in CSV, its number from 1 in JSON); the index of the run
after which it could be told; the medians before and after; the change with its
95 % interval. A series without a change is named with the smallest lasting
change that would be noticed if it began now, within 20 runs, 4 times in 5.

Exit status: 0 with or without changes, 1 if a file cannot be read, 2 for
flags that make no sense.

Flags:
`

// detectFlags are what `benchd detect` was asked.
type detectFlags struct {
	read    seriesfile.Options
	options detect.Options
	higher  bool
	json    bool
	files   []string
}

// detectFiles is `benchd detect`. It returns the exit status.
func detectFiles(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	f, err := parseDetectFlags(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "benchd detect: %v; benchd detect -h shows what there is\n", err)
		return statusUsage
	}
	var all []detected
	status := 0
	for _, file := range f.files {
		read, err := readSeries(file, stdin, f.read)
		if err != nil {
			status = statusFailed
			for line := range strings.Lines(err.Error()) {
				fmt.Fprintf(stderr, "benchd detect: %s: %s\n", terminal.Line(file), strings.TrimSuffix(line, "\n"))
			}
			continue
		}
		for _, s := range read {
			if note := passedOver(s); note != "" {
				fmt.Fprintf(stderr, "benchd detect: %s: %s\n", terminal.Line(file), note)
			}
			d := detected{file: file, Series: s, alerts: detect.Scan(s.Values, f.options)}
			start, now := 0, f.options
			now.First = len(d.alerts) == 0
			if n := len(d.alerts); n > 0 {
				start = d.alerts[n-1].Since
			}
			if ratio, ok := detect.Noticeable(s.Values[start:], now); ok {
				d.noticeable = &ratio
			}
			all = append(all, d)
		}
	}
	if f.json {
		err = writeDetectedJSON(stdout, all, f.higher)
	} else {
		writeDetected(stdout, all, f.higher)
	}
	if err != nil {
		fmt.Fprintf(stderr, "benchd detect: %v\n", err)
		return statusFailed
	}
	return status
}

func parseDetectFlags(args []string, help io.Writer) (detectFlags, error) {
	f := detectFlags{options: detect.Options{LeastEffect: 0.02}}
	flags := flag.NewFlagSet("detect", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // what is wrong is said once, by the caller
	flags.StringVar(&f.read.Column, "column", "", "the `name` of the column or key with the values, or the column's number from 1")
	flags.StringVar(&f.read.Block, "block", "", "the `name` of the column or key that tells runs of one block, such as a build")
	flags.BoolFunc("header", "the first line of CSV holds names, or with =false values, where it does not tell itself", func(text string) error {
		header, err := strconv.ParseBool(text)
		f.read.Header = &header
		return err
	})
	flags.StringVar(&f.read.Format, "format", "", "csv or json, JSON lines included, for a `format` that the content does not tell")
	flags.IntVar(&f.options.MinBlocks, "min-blocks", 1, "of how `many` blocks the new values must be")
	flags.BoolVar(&f.higher, "higher", false, "higher is better: less is a regression")
	flags.BoolVar(&f.json, "json", false, "JSON lines in place of a table")
	flags.Func("effect", "the least `change` of interest (default 2%)", func(text string) (err error) {
		f.options.LeastEffect, err = parseEffect(text)
		return err
	})
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(help, detectUsage)
		flags.SetOutput(help)
		flags.PrintDefaults()
	}
	if err != nil {
		return f, err
	}
	f.files = flags.Args()
	late := slices.IndexFunc(f.files, func(file string) bool { return len(file) > 1 && file[0] == '-' })
	twice := slices.Index(f.files, "-")
	switch {
	case len(f.files) == 0:
		return f, errors.New(`no file is named: name some, or "-" for standard input`)
	case twice >= 0 && slices.Contains(f.files[twice+1:], "-"):
		return f, errors.New(`"-" is there twice: standard input can be read once`)
	case late >= 0:
		return f, fmt.Errorf("flags stand before the files, but %s is behind them; a file of that name is ./%[1]s", f.files[late])
	case f.read.Format != "" && f.read.Format != "csv" && f.read.Format != "json":
		return f, fmt.Errorf("-format is %q: want csv or json, which includes JSON lines", f.read.Format)
	case f.options.MinBlocks < 1:
		return f, fmt.Errorf("-min-blocks is %d: want 1 or more", f.options.MinBlocks)
	}
	return f, nil
}

// parseEffect reads 2% or 0.02. A 5 is refused: 5 % is more likely meant than 500 %.
func parseEffect(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	limit := 1.0
	if percent {
		x /= 100
		limit = 10
	}
	if err != nil || !(x >= 0 && x < limit) {
		return 0, errors.New("want a share, such as 2% or 0.02: below 1000%, or below 1 without %")
	}
	return x, nil
}

func readSeries(file string, stdin io.Reader, o seriesfile.Options) ([]seriesfile.Series, error) {
	if file == "-" {
		return seriesfile.Read(stdin, o)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("cannot be opened: %w; check the name", withoutPath(err))
	}
	defer f.Close()
	read, err := seriesfile.Read(f, o)
	if errors.Is(err, syscall.EISDIR) {
		return nil, errors.New("is a folder: name the files in it")
	}
	return read, withoutPath(err)
}

// withoutPath is the error of a file that is named already.
func withoutPath(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// passedOver says which values the detector does not look at, and why; "" for none.
func passedOver(s seriesfile.Series) string {
	var reasons []string
	for _, p := range s.Passed {
		reasons = append(reasons, fmt.Sprintf("%d %s, the first in row %d", p.Count, p.Reason, p.Row))
	}
	if len(reasons) == 0 {
		return ""
	}
	name := ""
	if s.Name != "" {
		name = "series " + terminal.Line(s.Name) + ": "
	}
	return fmt.Sprintf("%s%d of %s were passed over: %s; a change is a ratio of figures greater than 0",
		name, passed(s), values(len(s.Values)), strings.Join(reasons, "; "))
}

func passed(s seriesfile.Series) (count int) {
	for _, p := range s.Passed {
		count += p.Count
	}
	return count
}

func values(n int) string {
	if n == 1 {
		return "1 value"
	}
	return fmt.Sprintf("%d values", n)
}

// detected is what was found in one series.
type detected struct {
	file string
	seriesfile.Series
	alerts     []detect.Alert
	noticeable *float64 // as a ratio; nil with too few values
}

func direction(ratio float64, higher bool) string {
	if (ratio > 1) == higher {
		return "improvement"
	}
	return "regression"
}

// writeDetected prints a row for each change, and a line for each series
// without any.
func writeDetected(w io.Writer, all []detected, higher bool) {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"file", "series", "since index", "since row", "told at index", "before", "after", "change", "95 % interval", "what"})
	var right []table.ColumnConfig
	for n := 3; n <= 9; n++ {
		right = append(right, table.ColumnConfig{Number: n, Align: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	var without []string
	for _, d := range all {
		for _, a := range d.alerts {
			t.AppendRow(table.Row{d.file, d.Name, a.Since, d.Rows[a.Since], a.At, bench.Number(a.Before, 5), bench.Number(a.After, 5),
				change(a.Ratio), change(a.Low) + " to " + change(a.High), direction(a.Ratio, higher)})
		}
		if len(d.alerts) == 0 {
			without = append(without, noChange(d))
		}
	}
	if t.Length() > 0 {
		fmt.Fprintln(w, t.RenderMarkdown())
		if len(without) > 0 {
			fmt.Fprintln(w)
		}
	}
	for _, line := range without {
		fmt.Fprintln(w, line)
	}
}

func noChange(d detected) string {
	name := terminal.Line(d.file)
	if d.Name != "" {
		name += ", " + terminal.Line(d.Name)
	}
	line := fmt.Sprintf("%s: no change in %s; ", name, values(len(d.Values)))
	if d.noticeable == nil {
		return line + "there are too few to say what would be noticed"
	}
	return line + fmt.Sprintf("one of %s %% would be noticed within 20 more", bench.Number(100**d.noticeable, 2))
}

// finite is nil for a ratio that is beyond what a float64 holds.
func finite(ratio float64) *float64 {
	if math.IsInf(ratio, 0) {
		return nil
	}
	return &ratio
}

func change(ratio float64) string { return bench.Signed(100*(ratio-1), 3) + " %" }

// writeDetectedJSON writes an object for each change, and for each series
// without any.
func writeDetectedJSON(w io.Writer, all []detected, higher bool) error {
	type line struct {
		File       string   `json:"file"`
		Series     string   `json:"series"`
		Values     int      `json:"values"`
		Passed     int      `json:"passed_over,omitempty"` // of the values
		What       string   `json:"what"`                  // regression, improvement or no change
		SinceIndex *int     `json:"since_index,omitempty"`
		SinceRow   *int     `json:"since_row,omitempty"`
		ToldAt     *int     `json:"told_at_index,omitempty"`
		Before     *float64 `json:"before,omitempty"`
		After      *float64 `json:"after,omitempty"`
		Ratio      *float64 `json:"ratio,omitempty"`
		Low        *float64 `json:"ratio_low,omitempty"`
		High       *float64 `json:"ratio_high,omitempty"`
		Noticeable *float64 `json:"noticeable_change,omitempty"` // a share: 0.07 is 7 %
	}
	encoder := json.NewEncoder(w)
	for _, d := range all {
		l := line{File: d.file, Series: d.Name, Values: len(d.Values), Passed: passed(d.Series)}
		for _, a := range d.alerts {
			l.What = direction(a.Ratio, higher)
			l.SinceIndex, l.SinceRow, l.ToldAt = &a.Since, &d.Rows[a.Since], &a.At
			l.Before, l.After = &a.Before, &a.After
			l.Ratio, l.Low, l.High = finite(a.Ratio), finite(a.Low), finite(a.High)
			if err := encoder.Encode(l); err != nil {
				return err
			}
		}
		if len(d.alerts) == 0 {
			l.What, l.Noticeable = cmp.Or(l.What, "no change"), d.noticeable
			if err := encoder.Encode(l); err != nil {
				return err
			}
		}
	}
	return nil
}
