package seriesfile

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"testing"
)

// FuzzRead wants every value that the detector cannot look at to be counted, each
// value to have its row, in order, and a plain list of them to be read as the same.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"1\n2\n", "a,b\n1,2\n", "[1,2]", `{"y":[1,2]}`, `[{"y":1},{"y":2}]`, "{\"y\":1}\n{\"y\":2}", "x;1\ny;2", "\ufeff3\r\n", "[1e999]", "NaN", "50,95\n1,2", "# a,y\n1,2", "sep=;\na;1", "\xff\xfe1\x00\n\x00", "1\r2\r", "[NaN, null]", `{"y":"1"}`, "1e-999"} {
		f.Add(seed, "", "")
		f.Add(seed, "2", "1")
		f.Add(seed, "y", "y")
	}
	f.Fuzz(func(t *testing.T, text, column, block string) {
		all, err := Read(bytes.NewReader([]byte(text)), Options{Column: column, Block: block})
		if err != nil {
			if all != nil || err.Error() == "" {
				t.Fatalf("series beside an error, or one that says nothing: %v %v", all, err)
			}
			return
		}
		if len(all) == 0 {
			t.Fatal("neither series nor an error")
		}
		for _, s := range all {
			if len(s.Values) == 0 || len(s.Values) != len(s.Rows) {
				t.Fatalf("%d values in %d rows", len(s.Values), len(s.Rows))
			}
			var list bytes.Buffer
			passed := 0
			for i, v := range s.Values {
				if s.Rows[i] < 1 || i > 0 && s.Rows[i] <= s.Rows[i-1] {
					t.Fatalf("value %d: %g in row %d", i, v.X, s.Rows[i])
				}
				if usable := v.X > 0 && !math.IsInf(v.X, 1); !usable {
					passed++
				}
				fmt.Fprintln(&list, v.X)
			}
			for _, p := range s.Passed {
				if passed -= p.Count; p.Count < 1 || !slices.Contains(s.Rows, p.Row) {
					t.Fatalf("passed over: %+v", p)
				}
			}
			if passed != 0 {
				t.Fatalf("%d more values than are said are passed over: %+v", passed, s)
			}
			again, err := Read(&list, Options{Format: "csv"})
			if err != nil || len(again) != 1 || len(again[0].Values) != len(s.Values) {
				t.Fatalf("read again: %v %v", again, err)
			}
			for i, v := range again[0].Values {
				if v.X != s.Values[i].X && !math.IsNaN(v.X) {
					t.Fatalf("value %d read again: %g, want %g", i, v.X, s.Values[i].X)
				}
			}
		}
	})
}
