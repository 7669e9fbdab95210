package detect

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// triaged is a series that SAP's engineers have looked at.
type triaged struct {
	name, kind string
	change     int // index of the first value of the regression; 0 without
	values     []Value
}

func readTriaged(t testing.TB, dir string) []triaged {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "dataset_details.csv"))
	if err != nil {
		t.Fatal(err)
	}
	var all []triaged
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n")[1:] {
		field := strings.Split(strings.TrimSpace(line), ";")
		s := triaged{name: field[1], kind: strings.ToLower(strings.TrimSpace(field[0]))}
		if s.change, err = strconv.Atoi(field[2]); err != nil { // the last good one, from 1
			t.Fatal(err)
		}
		f, err := os.Open(filepath.Join(dir, s.name))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(f).ReadAll()
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			build, err := strconv.ParseInt(row[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			x, err := strconv.ParseFloat(row[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			s.values = append(s.values, Value{x, build})
		}
		all = append(all, s)
	}
	return all
}

// TestTriaged wants every regression, and nothing else: spikes, deviation and
// values that depend on the build are none.
func TestTriaged(t *testing.T) {
	t.Parallel()
	labelled(t)
	for _, s := range readTriaged(t, data+"/sap_hana_small") {
		alerts := Scan(s.values, twoPercent)
		if s.kind != "regression" {
			if len(alerts) > 0 {
				t.Errorf("%s, %s: alerts where there was no regression: %+v", s.name, s.kind, alerts)
			}
			continue
		}
		if len(alerts) != 1 || alerts[0].Ratio < 1 || alerts[0].Since < s.change-3 || alerts[0].Since > s.change+3 {
			t.Errorf("%s: %+v, want one regression since about %d", s.name, alerts, s.change)
		}
	}
}

// TestAnnotated holds the figures on which detectors are compared.
func TestAnnotated(t *testing.T) {
	t.Parallel()
	labelled(t)
	s := scoreAnnotated(t, ours)
	t.Logf("unsupported %.3f, recall %.3f, of large steps %.3f, delay %g", s.per1000(), s.recall(), s.recallLarge(), s.delay())
	if s.per1000() > 0.30 || s.recall() < 0.68 || s.recallLarge() < 0.90 || s.delay() > 7 {
		t.Errorf("unsupported alerts per 1,000 runs %.3f, want at most 0.30; recall %.3f, want 0.68; of steps >= 5 %% %.3f, want 0.90; median delay %g, want at most 7",
			s.per1000(), s.recall(), s.recallLarge(), s.delay())
	}
}
