package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func runDetect(stdin string, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = detectFiles(args, strings.NewReader(stdin), &out, &errs)
	return code, out.String(), errs.String()
}

// TestDetect shows the table and the lines that users see.
func TestDetect(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "detect")
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"table", []string{"-column", "seconds", "-block", "build", filepath.Join(dir, "step.csv"), filepath.Join(dir, "steady.json")}, "table.golden"},
		{"json", []string{"-json", "-higher", "-column", "3", filepath.Join(dir, "step.csv")}, "lines.golden"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := runDetect("", c.args...)
			golden := filepath.Join(dir, c.want)
			got := stdout + stderr
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); code != 0 || d != "" {
				t.Errorf("exit status %d; output (-want +got):\n%s", code, d)
			}
		})
	}
}

// TestDetectInput reads the same series in every form.
func TestDetectInput(t *testing.T) {
	t.Parallel()
	var list, objects, lines []string
	for i := range 60 {
		x := []string{"10.0", "10.4", "10.3", "10.2", "10.1"}[i%5]
		if i >= 40 {
			x = "1" + x
		}
		list, objects, lines = append(list, x), append(objects, `{"s": `+x+`}`), append(lines, `{"n": `+x+`, "s": `+x+`}`)
	}
	for name, in := range map[string]struct {
		text string
		args []string
	}{
		"lines":      {strings.Join(list, "\n"), nil},
		"header":     {"seconds\r\n" + strings.Join(list, "\r\n"), nil},
		"semicolon":  {"a;" + strings.Join(list, "\na;"), []string{"-column", "2"}},
		"array":      {"[" + strings.Join(list, ",") + "]", nil},
		"objects":    {"[" + strings.Join(objects, ",") + "]", nil},
		"json lines": {strings.Join(lines, "\n"), []string{"-column", "s"}},
		"key":        {`{"y": [` + strings.Join(list, ",") + `]}`, nil},
	} {
		code, stdout, stderr := runDetect(in.text, append(in.args, "-json", "-")...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, `"what":"regression","since_index":40,`) {
			t.Errorf("%s: exit status %d\n%s%s", name, code, stdout, stderr)
		}
	}
}

// TestDetectFaults wants exact messages, for every file.
func TestDetectFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"bad-empty.csv"}, 1, "is empty: want one value a line, CSV with -column, or JSON"},
		{[]string{"bad-number.csv"}, 1, `line 3: "x" is not a number: mend or remove the line, or name another column by -column`},
		{[]string{"bad-columns.csv"}, 1, "line 1: has 2 columns, run, seconds: say which one by -column"},
		{[]string{"-column", "x", "bad-columns.csv"}, 1, `line 1: has no column "x": -column may be one of run, seconds, or a number of 1 to 2`},
		{[]string{"-header=false", "-column", "1", "bad-fields.csv"}, 1, "line 2: has 1 fields, the first line has 2: mend the line"},
		{[]string{"bad-json.json"}, 1, "line 2: is not JSON: unexpected EOF; try -format csv, or mend the file"},
		{[]string{"bad-null.json"}, 1, `element 3: "x" is not a number: mend or remove it, or name another key by -column`},
		{[]string{"bad-key.json"}, 1, "element 1: has no key with a number or an array of numbers, only a: say which by -column"},
		{[]string{"missing.csv"}, 1, "cannot be opened: no such file or directory; check the name"},
		{[]string{"folder"}, 1, "is a folder: name the files in it"},
		{[]string{"steady.json", "-json"}, 2, "flags stand before the files, but -json is behind them; a file of that name is ./-json; benchd detect -h shows what there is"},
		{[]string{"-", "steady.json", "-"}, 2, `"-" is there twice: standard input can be read once; benchd detect -h shows what there is`},
		{[]string{"-header=perhaps", "x"}, 2, `invalid boolean value "perhaps" for -header: strconv.ParseBool: parsing "perhaps": invalid syntax; benchd detect -h shows what there is`},
		{nil, 2, `no file is named: name some, or "-" for standard input; benchd detect -h shows what there is`},
		{[]string{"-effect", "lots", "x"}, 2, `invalid value "lots" for flag -effect: want a share, such as 2% or 0.02: below 1000%, or below 1 without %; benchd detect -h shows what there is`},
		{[]string{"-effect", "5", "x"}, 2, `invalid value "5" for flag -effect: want a share, such as 2% or 0.02: below 1000%, or below 1 without %; benchd detect -h shows what there is`},
		{[]string{"-format", "xml", "x"}, 2, `-format is "xml": want csv or json, which includes JSON lines; benchd detect -h shows what there is`},
		{[]string{"-min-blocks", "0", "x"}, 2, "-min-blocks is 0: want 1 or more; benchd detect -h shows what there is"},
	} {
		args := append([]string(nil), c.args...)
		prefix := "benchd detect: "
		if c.code == 1 {
			prefix += args[len(args)-1] + ": "
			args[len(args)-1] = filepath.Join("testdata", "detect", args[len(args)-1])
		}
		code, _, stderr := runDetect("", args...)
		stderr = strings.ReplaceAll(stderr, filepath.Join("testdata", "detect")+string(filepath.Separator), "")
		if d := cmp.Diff(prefix+c.want+"\n", stderr); code != c.code || d != "" {
			t.Errorf("%q: exit status %d, want %d; stderr (-want +got):\n%s", c.args, code, c.code, d)
		}
	}
	far := strings.Repeat("1e-300\n1.01e-300\n", 20) + strings.Repeat("1e300\n", 20)
	if code, stdout, stderr := runDetect(far, "-json", "-"); code != 0 || stderr != "" || !strings.Contains(stdout, `"before":1.005e-300,"after":1e+300}`) {
		t.Errorf("a ratio beyond float64: exit status %d\n%s%s", code, stdout, stderr)
	}
	if _, stdout, _ := runDetect(far, "-"); !strings.Contains(stdout, "| more than 1e308 % |") {
		t.Errorf("a ratio beyond float64:\n%s", stdout)
	}
	if code, stdout, _ := runDetect("", "-h"); code != 0 || !strings.Contains(stdout, "-min-blocks") {
		t.Errorf("-h: exit status %d\n%s", code, stdout)
	}
}
