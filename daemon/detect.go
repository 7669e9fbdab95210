package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

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
            several; a first line without a number there is a header
  JSON      an array of numbers; objects with a number each, with -column; an
            object, or several, with an array of numbers each, named by "id"
            or "name"
  JSON lines of the same

Values that are not greater than 0 are passed over, and said.

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
		return 2
	}
	var all []detected
	status := 0
	for _, file := range f.files {
		read, err := readSeries(file, stdin, f.read)
		if err != nil {
			status = 1
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
		return 1
	}
	return status
}

func parseDetectFlags(args []string, help io.Writer) (detectFlags, error) {
	f := detectFlags{options: detect.Options{LeastEffect: 0.02}}
	flags := flag.NewFlagSet("detect", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // what is wrong is said once, by the caller
	flags.StringVar(&f.read.Column, "column", "", "the `name` of the column or key with the values, or the column's number from 1")
	flags.StringVar(&f.read.Block, "block", "", "the `name` of the column or key that tells runs of one block, such as a build")
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
	switch {
	case len(f.files) == 0:
		return f, errors.New(`no file is named: name some, or "-" for standard input`)
	case f.read.Format != "" && f.read.Format != "csv" && f.read.Format != "json":
		return f, fmt.Errorf("-format is %q: want csv or json, which includes JSON lines", f.read.Format)
	case f.options.MinBlocks < 1:
		return f, fmt.Errorf("-min-blocks is %d: want 1 or more", f.options.MinBlocks)
	}
	return f, nil
}

// parseEffect reads 2% or 0.02.
func parseEffect(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		x /= 100
	}
	if err != nil || !(x >= 0 && x < 10) {
		return 0, errors.New("want a share of 0% to 1000%, such as 2% or 0.02")
	}
	return x, nil
}

func readSeries(file string, stdin io.Reader, o seriesfile.Options) ([]seriesfile.Series, error) {
	if file == "-" {
		return seriesfile.Read(stdin, o)
	}
	f, err := os.Open(file)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			err = path.Err // the file is named already
		}
		return nil, fmt.Errorf("cannot be opened: %w; check the name", err)
	}
	defer f.Close()
	return seriesfile.Read(f, o)
}

// passedOver says which values the detector does not look at.
func passedOver(s seriesfile.Series) string {
	count, first := 0, 0
	for i, v := range s.Values {
		if v.X <= 0 {
			if count == 0 {
				first = s.Rows[i]
			}
			count++
		}
	}
	if count == 0 {
		return ""
	}
	name := ""
	if s.Name != "" {
		name = "series " + terminal.Line(s.Name) + ": "
	}
	return fmt.Sprintf("%s%d of %d values are not greater than 0 and were passed over, the first in row %d: "+
		"a change is a ratio; leave such runs out, or add what makes the figure positive", name, count, len(s.Values), first)
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
			t.AppendRow(table.Row{d.file, d.Name, a.Since, d.Rows[a.Since], a.At, figure(a.Before), figure(a.After),
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
	line := fmt.Sprintf("%s: no change in %d values; ", name, len(d.Values))
	if d.noticeable == nil {
		return line + "there are too few to say what would be noticed"
	}
	return line + fmt.Sprintf("one of %.1f %% would be noticed within 20 more", 100**d.noticeable)
}

func change(ratio float64) string { return fmt.Sprintf("%+.1f %%", 100*(ratio-1)) }

// figure has 5 digits, and no exponent where people would write none.
func figure(x float64) string {
	if x >= 1e5 && x < 1e15 {
		return strconv.FormatFloat(x, 'f', 0, 64)
	}
	return strconv.FormatFloat(x, 'g', 5, 64)
}

// writeDetectedJSON writes an object for each change, and for each series
// without any.
func writeDetectedJSON(w io.Writer, all []detected, higher bool) error {
	type line struct {
		File       string   `json:"file"`
		Series     string   `json:"series"`
		Values     int      `json:"values"`
		What       string   `json:"what"` // regression, improvement or no change
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
		l := line{File: d.file, Series: d.Name, Values: len(d.Values)}
		for _, a := range d.alerts {
			l.What = direction(a.Ratio, higher)
			l.SinceIndex, l.SinceRow, l.ToldAt = &a.Since, &d.Rows[a.Since], &a.At
			l.Before, l.After = &a.Before, &a.After
			l.Ratio, l.Low, l.High = &a.Ratio, &a.Low, &a.High
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
