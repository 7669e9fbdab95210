package main

import (
	"compress/gzip"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// rude is what nobody's terminal must get: a cleared screen, by 7 bits and by 8,
// a title, reversed text, a line that is overwritten, a byte that is no UTF-8.
const rude = "\x1b[2J\u009b2J\x1b]0;owned\a\u202eevil\rgone\u200b\xff"

// harmless fails for text that does something to a terminal.
func harmless(t *testing.T, what, text string) {
	t.Helper()
	for at, r := range text {
		if unicode.Is(unicode.C, r) && r != '\n' && r != '\t' || r == utf8.RuneError && !strings.HasPrefix(text[at:], "\ufffd") {
			t.Errorf("%s has %U in it: %q", what, r, text[max(0, at-200):min(len(text), at+100)])
			return
		}
	}
}

// Whatever a command prints of others, a terminal shows and does not obey it.
func TestCommandsPrintNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	values := strings.Repeat("10\n", 20)
	var zipped strings.Builder
	z := gzip.NewWriter(&zipped)
	z.Name, z.Comment = "evil\u009b.csv", "\u009b31m"
	if _, err := z.Write([]byte(values)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	series := `{"id": ` + strings.ReplaceAll(fmt.Sprintf("%+q", "a"+strings.ToValidUTF8(rude, "")), `\a`, `\u0007`) + `, "values": [` + strings.TrimSuffix(strings.Repeat("10,", 20), ",") + `]}`
	series = strings.NewReplacer(`\x1b`, `\u001b`, `\x`, `\u00`).Replace(series)
	for name, run := range map[string]struct {
		env, args []string
		want      string // beside nothing of the above
	}{
		"unknown command":        {nil, []string{rude}, "cannot make sense of"},
		"setting":                {[]string{"BENCHD_SIZE=" + rude}, []string{"list"}, "BENCHD_SIZE"},
		"unknown setting":        {[]string{"BENCHD_X" + rude + "=1"}, []string{"list"}, "BENCHD_X"},
		"interpreter":            {[]string{"BENCHD_PYTHONS=/no/" + rude, "BENCHD_TASKS=noop"}, []string{"list"}, ""},
		"folder of tasks":        {[]string{"BENCHD_WORKLOADS_DIR=/no/" + rude}, []string{"list"}, "/no/"},
		"value":                  {nil, []string{"detect", file("text.csv", "a"+rude+"\nb"+rude+"\n")}, "text.csv"},
		"bytes of a .gz":         {nil, []string{"detect", file("series.gz", zipped.String())}, "series.gz"},
		"name of a file":         {nil, []string{"detect", file("two\nlines"+rude, values)}, `two\u000alines\u001b[2J`},
		"no such file":           {nil, []string{"detect", filepath.Join(dir, "gone"+rude)}, `gone\u001b[2J`},
		"name of a series":       {nil, []string{"detect", file("series.json", series)}, `a\u001b[2J`},
		"names as JSON":          {nil, []string{"detect", "-json", file("again.json", series)}, `a\u001b[2J`},
		"reason to nobody":       {[]string{"BENCHD_DATA_DIR=" + filepath.Join(dir, "data")}, []string{"accept", "7", strings.ToValidUTF8(rude, "")}, "no daemon answers"},
		"reason that is no text": {nil, []string{"accept", "7", rude}, "is not UTF-8"},
		"a daemon's folder":      {[]string{"BENCHD_DATA_DIR=" + filepath.Join(dir, "x"+rude)}, []string{"accept", "7"}, `x\u001b[2J`},
		"unknown baseline":       {nil, []string{"baseline", "drop", strings.ToValidUTF8(rude, "")}, "want baseline pin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runCommand(t, run.env, run.args...)
			harmless(t, "stdout", got.stdout)
			harmless(t, "stderr", got.stderr)
			if !strings.Contains(got.stdout+got.stderr, run.want) {
				t.Errorf("%q is not in\n%s%s", run.want, got.stdout, got.stderr)
			}
		})
	}
}

// What a daemon answers is printed in one line each.
func TestAnswersPrintNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	listener, err := net.Listen("unix", filepath.Join(dir, "benchd.sock"))
	if err != nil {
		t.Fatal(err)
	}
	text := strconv.QuoteToASCII(strings.ToValidUTF8(rude, "") + "\nChange 8 is accepted")
	text = strings.NewReplacer(`\x1b`, `\u001b`, `\a`, `\u0007`, `\x`, `\u00`).Replace(text)
	answers := http.NewServeMux()
	answers.HandleFunc("POST /api/v1/changes/accept", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"changes": [{"id": 7, "sentence": %s}]}`, text)
	})
	answers.HandleFunc("GET /api/v1/baselines", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"baselines": [{"name": %s, "levels": 1, "pinned": "2026-01-02T12:00:00Z"}]}`, text)
	})
	answers.HandleFunc("DELETE /api/v1/baselines", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"error": %s}`, text)
	})
	server := &http.Server{Handler: answers}
	go server.Serve(listener) //nolint:errcheck // it ends with the test
	t.Cleanup(func() { server.Close() })
	for _, args := range []string{"accept 7", "baseline list", "baseline unpin x"} {
		got := runCommand(t, []string{"BENCHD_DATA_DIR=" + dir}, strings.Fields(args)...)
		all := got.stdout + got.stderr
		harmless(t, args, all)
		if !strings.Contains(all, `\u001b[2J`) || strings.Count(all, "\n") != 1 {
			t.Errorf("%s: %q", args, all)
		}
	}
}

// What a workload and its manifest say stands in the log and in the API, where
// curl shows it.
func TestDaemonShowsNothingThatATerminalObeys(t *testing.T) {
	t.Parallel()
	tasks := writeProgram(t, `Rude \e[2J \x9b2J \u202e`, "printf '\\033[2J \\302\\233 2J \\342\\200\\256 \\377' >&2\nexit 9\n")
	env := []string{"BENCHD_WORKLOADS_DIR=" + tasks, "BENCHD_TASKS=script"}
	for _, format := range []string{"text", "json"} {
		once := runCommand(t, append(env, "BENCHD_LOG_FORMAT="+format, "BENCHD_DATA_DIR="+t.TempDir()), "once")
		harmless(t, "once", once.stdout)
		harmless(t, "its log", once.stderr)
		if !strings.Contains(once.stderr, `\u001b[2J`) && !strings.Contains(once.stderr, `\x1b[2J`) {
			t.Errorf("the program's words are not in the log:\n%s", once.stderr)
		}
	}
	d := startDaemon(t, self(t), t.TempDir(), env...)
	d.awaitCycles(t, 1)
	for _, page := range []string{"/api/v1/experiments", "/api/v1/runs", "/metrics", "/"} {
		status, body := d.get(t, page)
		if status != http.StatusOK || body == "" {
			t.Errorf("%s: status %d", page, status)
		}
		harmless(t, page, body)
	}
	if runs := d.runs(t, ""); len(runs) != 1 || !strings.Contains(runs[0].Output, "\x1b[2J \u009b 2J \u202e") {
		t.Errorf("the program's own words are not recorded: %+v", runs)
	}
	d.end(t)
}
