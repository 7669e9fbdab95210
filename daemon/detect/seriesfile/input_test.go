package seriesfile

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

// shown is a series as text: its name, its values as they are kept, and what is passed over.
func shown(all []Series) (text string) {
	for _, s := range all {
		text += s.Name + ":"
		for _, v := range s.Values {
			text += fmt.Sprint(" ", v.X)
		}
		for _, p := range s.Passed {
			text += fmt.Sprintf("; %d %s, first in row %d", p.Count, p.Reason, p.Row)
		}
		text += "\n"
	}
	return text
}

func inUTF16(order binary.AppendByteOrder, text string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

// TestReadOthersFiles shows how files that programs of all kinds write are read.
func TestReadOthersFiles(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	const table = "run,s\n0,1.5\n1,2.5\n"
	for _, c := range []struct {
		name, text string
		o          Options
		want       string
	}{
		{"a header of numbers, by a name that is no number of a column", "50,95,99\n1,2,3.5\n1,2,4\n", Options{Column: "99"}, "99: 3.5 4\n"},
		{"a header with a number over the values", "run,95\n0,3.5\n1,4\n", Options{Column: "2"}, "95: 3.5 4\n"},
		{"a header of numbers, as told", "99\n3.5\n", Options{Header: &yes}, "99: 3.5\n"},
		{"a header of numbers as told, by number", "5,9\n1,2\n3,4\n", Options{Header: &yes, Column: "2"}, "9: 2 4\n"},
		{"no header, as told", "1,2\n3,4\n", Options{Header: &no, Column: "1"}, ": 1 3\n"},
		{"no header, but a text column", "a;1.5\nb;2.5\n", Options{Column: "2"}, ": 1.5 2.5\n"},
		{"a value that is its column's number", "1,1.5\n2,2.5\n", Options{Column: "2", Block: "1"}, ": 1.5 2.5\n"},
		{"an empty name", ",s\n0,1.5\n", Options{Column: "s"}, "s: 1.5\n"},

		{"empty cell", table + "2,\n", Options{Column: "s"}, "s: 1.5 2.5 NaN; 1 missing, first in row 4\n"},
		{"NaN and the like", "1\nNaN\nnan\nNA\nn/a\n<NA>\nNone\nnull\n-\n", Options{}, ": 1 NaN NaN NaN NaN NaN NaN NaN NaN; 8 missing, first in row 2\n"},
		{"NaN in the first line", "NaN\n1\n", Options{}, ": NaN 1; 1 missing, first in row 1\n"},
		{"0 and less", "1\n0\n-0.0\n-3\n0e5\n", Options{}, ": 1 0 -0 -3 0; 4 not greater than 0, first in row 2\n"},
		{"infinite", "1\ninf\n-Infinity\n1e400\n", Options{}, ": 1 +Inf -Inf +Inf; 3 infinite, or beyond what a float64 holds, first in row 2\n"},
		{"too small", "1\n1e-400\n", Options{}, ": 1 0; 1 infinite, or beyond what a float64 holds, first in row 2\n"},
		{"several reasons", "0\n\"\"\n1\n0\n", Options{}, ": 0 NaN 1 0; 2 not greater than 0, first in row 1; 1 missing, first in row 2\n"},
		{"the ends of float64", "5e-324\n1.7976931348623157e308\n", Options{}, ": 5e-324 1.7976931348623157e+308\n"},

		{"comments", "# by x\n1\n\n#2\n3\n# end", Options{}, ": 1 3\n"},
		{"names in a comment", "# run, s\n0,1.5\n1,2.5\n", Options{Column: "s"}, "s: 1.5 2.5\n"},
		{"a comment and a header", "# a, b\n" + table, Options{Column: "s"}, "s: 1.5 2.5\n"},
		{"CR alone", strings.ReplaceAll(table, "\n", "\r"), Options{Column: "s"}, "s: 1.5 2.5\n"},
		{"CR LF", strings.ReplaceAll(table, "\n", "\r\n"), Options{Column: "s"}, "s: 1.5 2.5\n"},
		{"UTF-8 with a mark", "\ufeff" + table, Options{Column: "s"}, "s: 1.5 2.5\n"},
		{"UTF-16, little end first", inUTF16(binary.LittleEndian, table), Options{Column: "s"}, "s: 1.5 2.5\n"},
		{"UTF-16, big end first", inUTF16(binary.BigEndian, table), Options{Column: "s"}, "s: 1.5 2.5\n"},
		{"tabs", strings.ReplaceAll(table, ",", "\t"), Options{Column: "s"}, "s: 1.5 2.5\n"},
		{"semicolons, commas in names", "\"time, s\";\"memory, MB, peak\"\n1.5;7\n2.5;8\n", Options{Column: "time, s"}, "time, s: 1.5 2.5\n"},
		{"semicolons, commas in the other column", "s;t\n1.5;1,2\n2.5;1,3\n", Options{Column: "s"}, "s: 1.5 2.5\n"},
		{"Excel's sep", "sep=;\ns;t\n1.5;2\n", Options{Column: "s"}, "s: 1.5\n"},
		{"two columns of one name, by number", "s,s\n1.5,2.5\n", Options{Column: "2"}, "s: 2.5\n"},

		{"null", `[1.5, null, 0]`, Options{}, ": 1.5 NaN 0; 1 missing, first in row 2; 1 not greater than 0, first in row 3\n"},
		{"Python's JSON", `[1.5, NaN, Infinity, -Infinity]`, Options{}, ": 1.5 NaN NaN NaN; 3 missing, first in row 2\n"},
		{"NaN within a text", `[{"s": 1, "n": "\"NaN, "}, {"s": NaN}]`, Options{Column: "s"}, "s: 1 NaN; 1 missing, first in row 2\n"},
		{"a key with null, and without", "{\"s\": 1.5}\n{\"s\": null}\n{}\n", Options{}, "s: 1.5 NaN NaN; 2 missing, first in row 2\n"},
		{"numbers in quotes", `[{"s": "1.5"}, {"s": ""}]`, Options{Column: "s"}, "s: 1.5 NaN; 1 missing, first in row 2\n"},
		{"a series with null", `{"y": [1.5, null, 2]}`, Options{}, "1: 1.5 NaN 2; 1 missing, first in row 2\n"},
		{"beyond float64 in JSON", `[1.5, 1e400]`, Options{}, ": 1.5 +Inf; 1 infinite, or beyond what a float64 holds, first in row 2\n"},
		{"comments between JSON lines", "# a\n{\"s\": 1}\n # b\n{\"s\": 2}\n", Options{}, "s: 1 2\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all, err := Read(strings.NewReader(c.text), c.o)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, shown(all)); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestReadRefuses shows what refuses a file, and what to try.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat("c,", 4999) + "c"
	for _, c := range []struct {
		name, text string
		o          Options
		want       string
	}{
		{"a name or a number", "0,1,2\n1,2,3\n", Options{Column: "1"},
			"line 1: -column 1 may be the column's number, or its name if the first line is one of names: say -header=true or -header=false"},
		{"numbers 1, 2, 3", "1,2,3\n1,2,3\n", Options{Column: "2"},
			"line 1: -column 2 may be the column's number, or its name if the first line is one of names: say -header=true or -header=false"},
		{"two columns of one name", "s,s\n1,2\n", Options{Column: "s"}, `line 1: has several columns "s": say by -column which one, by its number of 1 to 2`},
		{"one column twice", "s,t\n1,2\n", Options{Column: "s", Block: "1"},
			"line 1: -column and -block are the same column, s: each value would be a block of its own; name another one"},
		{"one key twice", `{"s": 1}`, Options{Column: "s", Block: "s"},
			`element 1: -column and -block are the same key, "s": each value would be a block of its own; name another one`},
		{"a column of no name", "1\n2\n", Options{Column: "s"}, "line 1: has one column without a name: leave -column out"},
		{"a key of numbers", "[1, 2]", Options{Block: "build"}, "element 1: is no object: leave -column and -block out"},
		{"a misspelt key", `[{"s": 1}, {"t": 1}]`, Options{Column: "x"}, `no element has the key "x": -column may be one of s`},

		{"decimal commas", "1,5\n2,5\n", Options{}, "line 1: has 2 columns, 1, 5: say which one by -column, or write points for commas if they are decimal ones"},
		{"decimal commas in quotes", "\"1,5\"\n1\n", Options{Header: new(bool)}, `line 1: "1,5" is not a number: write a point for the comma, if that is a decimal one`},
		{"decimal commas beside semicolons", "0;1,5\n1;2,5\n", Options{Column: "2"}, `line 1: "1,5" is not a number: write a point for the comma, if that is a decimal one
line 2: "2,5" is not a number: write a point for the comma, if that is a decimal one`},
		{"blanks between columns", "run s\n0 1.5\n", Options{}, `line 2: "0 1.5" is not a number: separate columns by comma, semicolon or tab, not by blanks`},
		{"units", "1\n1.5 ms\n", Options{}, `line 2: "1.5 ms" is not a number: leave the unit out`},
		{"thousands", "1\n\"1,234.5\"\n", Options{}, `line 2: "1,234.5" is not a number: mend or remove the line, or name another column by -column`},
		{"a second header", "s\n1\ns\n2\n", Options{}, `line 3: "s" is not a number: mend or remove the line, or name another column by -column`},
		{"a truncated line", "0,1.5\n1,2.5\n2", Options{Column: "2"}, "line 3: has 1 fields, the first line has 2: mend the line"},
		{"an open quote", "1\n\"2\n3\n", Options{}, "line 2: is not CSV: extraneous or missing \" in quoted-field; try -format json, or quote the field"},

		{"Latin-1", "run,L\xe4nge\n0,1\n", Options{Column: "2"}, "line 1: is not UTF-8: convert the file, such as by iconv -f latin1 -t utf8"},
		{"Latin-1 in JSON", "{\"s\": 1}\n{\"s\": 2, \"n\": \"\xe4\"}", Options{}, "line 2: is not UTF-8: convert the file, such as by iconv -f latin1 -t utf8"},
		{"UTF-16 without a mark", "1\x00\n\x00", Options{}, "is no text, or UTF-16 or UTF-32 without a mark: save it as UTF-8"},
		{"UTF-32", "\xff\xfe\x00\x001\x00\x00\x00", Options{}, "is no text, or UTF-16 or UTF-32 without a mark: save it as UTF-8"},
		{"gzip", "\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03\x1b[31mname", Options{}, `is compressed by gzip: unpack it with zcat, and name "-" to read that`},
		{"zstd", "\x28\xb5\x2f\xfd1", Options{}, `is compressed by zstd: unpack it with zstdcat, and name "-" to read that`},
		{"a spreadsheet", "PK\x03\x041\n2\n", Options{}, `is a ZIP archive or a spreadsheet: unpack it with unzip -p, or save it as CSV, and name "-" to read that`},
		{"only comments", "# a\n#b\n", Options{}, "is empty: want one value a line, CSV with -column, or JSON"},
		{"only a header", "s\n", Options{}, "has no values: want one value a line, CSV with -column, or JSON"},

		{"a key twice", `{"s": 1, "s": 2}`, Options{}, "line 1: is not JSON: duplicate object member name; try -format csv, or mend the file"},
		{"too deep", strings.Repeat("[", 100_000), Options{}, "line 1: is not JSON: exceeded max depth; try -format csv, or mend the file"},
		{"no number", `[1, true, [2], {"s": 1}]`, Options{}, `element 2: is true: want a number, or null for one that is not known
element 3: is an array: want a number or an object`},

		{"names with commas, quotes, escapes", "\"a, b\",\"c\"\"d\",\x1b[31m\n1,2,3\n", Options{}, `line 1: has 3 columns, "a, b", "c\"d", "\x1b[31m": say which one by -column`},
		{"thousands of columns", wide + "\n", Options{}, "line 1: has 5000 columns, " + strings.Repeat("c, ", 19) + "c and 4980 more: say which one by -column"},
		{"a long line", "1\n" + strings.Repeat("1", maxLine+1), Options{}, "line 2: is longer than 4 MiB: is it CSV? try -format json"},
		{"a long text", "1\n" + strings.Repeat("x", 10_000), Options{}, `line 2: "` + strings.Repeat("x", 60) + `..." is not a number: mend or remove the line, or name another column by -column`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			all, err := Read(strings.NewReader(c.text), c.o)
			if err == nil {
				t.Fatalf("is read as\n%s", shown(all))
			}
			if d := cmp.Diff(c.want, err.Error()); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestReadIsBounded wants a file without an end to be refused.
func TestReadIsBounded(t *testing.T) {
	t.Parallel()
	endless, writer := io.Pipe()
	go func() {
		for {
			if _, err := writer.Write(bytes.Repeat([]byte("1\n"), 1000)); err != nil {
				return
			}
		}
	}()
	defer endless.Close() //nolint:errcheck // it ends the writer, and cannot fail
	if _, err := read(endless, Options{}, bounds{1, math.MaxInt}); err == nil || err.Error() != "has more than 1 MiB: cut out the column, or take the newest part" {
		t.Errorf("without an end: %v", err)
	}
	for _, text := range []string{"1\n2\n3\n4\n", "[1,2,3,4]", `{"y":[1,2,3,4]}`, `[{"y":[1,2]},{"y":[1,2]}]`} {
		if _, err := read(strings.NewReader(text), Options{}, bounds{1, 3}); err == nil || err.Error() != "has more than 3 values: take the newest part" {
			t.Errorf("%q: %v", text, err)
		}
	}
}
