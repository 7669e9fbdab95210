package experiments

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Table writes the experiments, and below them those that are skipped with
// their reasons, aligned for a terminal.
func (s Set) Table(w io.Writer) error {
	runs, skips := newTable(), newTable()
	runs.AppendHeader(table.Row{"TASK", "RUNTIME", "MODEL", "CONCURRENCY", "CLIENT", "VERSION", "UNITS"})
	runs.SetColumnConfigs([]table.ColumnConfig{{Number: 4, Align: text.AlignRight, AlignHeader: text.AlignRight}})
	skips.AppendHeader(table.Row{"EXPERIMENT", "REASON", "DETAIL"})
	for _, e := range s.Experiments {
		if e.Skip != nil {
			skips.AppendRow(table.Row{e.String(), e.Skip.Reason, e.Skip.Detail})
			continue
		}
		client := strings.TrimSpace(e.Client + " " + s.clientVersions[e.Key])
		units := strconv.FormatUint(e.Expected.Units, 10) + " " + e.Unit
		runs.AppendRow(table.Row{e.Task, e.Runtime, e.Model, e.Concurrency, client, e.Version, units})
	}
	var err error
	if runs.Length() > 0 {
		_, err = fmt.Fprintf(w, "%s\n\n", runs.Render())
	}
	if err == nil && skips.Length() > 0 {
		_, err = fmt.Fprintf(w, "%s\n\n", skips.Render())
	}
	if err == nil {
		_, err = fmt.Fprintf(w, "%d experiments, %d of them skipped\n", len(s.Experiments), skips.Length())
	}
	return err
}

func newTable() table.Writer {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Format.Header = text.FormatDefault
	t.SuppressTrailingSpaces()
	return t
}
