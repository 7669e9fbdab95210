package config

import (
	"bytes"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // for machines that know no time zones

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"benchd/daemon/cron"
)

var update = flag.Bool("update", false, "rewrite the golden files and the README's table")

// setEnv makes variables all that the environment says to benchd.
func setEnv(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, prefix+"_") {
			t.Setenv(name, value) // so that it is restored
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

func defaults() Config {
	return Config{
		ListenAddress:  "127.0.0.1:9911",
		Size:           "standard",
		Interval:       15 * time.Minute,
		Repeat:         1,
		DataDir:        "benchd-data",
		SampleInterval: 100 * time.Millisecond,
		RunTimeout:     5 * time.Minute,

		RetentionAge: 400 * 24 * time.Hour, RetentionBytes: 4e9,
		VerdictCycles: 20, LeastDifference: 0.05, LeastChange: 0.03,
		Reruns: 6, AcceptAfter: 7 * 24 * time.Hour,

		LogLevel:  slog.LevelInfo,
		LogFormat: "text",
	}
}

// schedule compares schedules by their expression.
var schedule = cmp.Comparer(func(a, b *cron.Schedule) bool { return a == b || a != nil && b != nil && a.String() == b.String() })

func TestLoad(t *testing.T) {
	nightly, err := cron.Parse("*/30 2-5 * * MON")
	if err != nil {
		t.Fatal(err)
	}
	seed := uint64(1<<64 - 1)
	webConfig := filepath.Join(t.TempDir(), "web.yaml")
	if err := os.WriteFile(webConfig, []byte("basic_auth_users: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"BENCHD_LISTEN_ADDRESS":  "127.0.0.1:0",
		"BENCHD_SIZE":            "original",
		"BENCHD_SCHEDULE":        "*/30 2-5 * * MON",
		"BENCHD_REPEAT":          "3",
		"BENCHD_SEED":            "18446744073709551615",
		"BENCHD_TASKS":           "cpu-bound, io-*",
		"BENCHD_RUNTIMES":        "go",
		"BENCHD_MODELS":          "sync",
		"BENCHD_CONCURRENCIES":   "1,10, 100",
		"BENCHD_PYTHONS":         "python3.11,/opt/python3.13t",
		"BENCHD_HTTPBIN_URL":     "http://me:secret@httpbin.example:8080/",
		"BENCHD_WORKLOADS_DIR":   "/a:b",
		"BENCHD_DATA_DIR":        "/var/lib/benchd",
		"BENCHD_SAMPLE_INTERVAL": "1s",
		"BENCHD_RUN_TIMEOUT":     "1h",
		"BENCHD_RETENTION":       "1.5GiB, 36h",
		"BENCHD_VERDICT_CYCLES":  "100",
		"BENCHD_VERDICT_EFFECT":  "10%",
		"BENCHD_CHANGE_EFFECT":   "0.5%",
		"BENCHD_RERUNS":          "0",
		"BENCHD_ACCEPT_AFTER":    "0",
		"BENCHD_WEB_CONFIG_FILE": webConfig,
		"BENCHD_LOG_LEVEL":       "debug",
		"BENCHD_LOG_FORMAT":      "json",
		"BENCHD_PPROF":           "true",
	}
	empty := map[string]string{}
	for name := range all {
		empty[name] = ""
	}
	tests := map[string]struct {
		env  map[string]string
		want Config
	}{
		"unset": {nil, defaults()},
		"empty": {empty, defaults()},
		// envconfig reads names without the prefix too, when the tags name them.
		"without prefix": {map[string]string{"SIZE": "quick", "MODELS": "x", "INTERVAL": "1h"}, defaults()},
		"all": {all, Config{
			ListenAddress:  "127.0.0.1:0",
			WebConfigFile:  webConfig,
			PProf:          true,
			Size:           "original",
			Schedule:       nightly,
			Repeat:         3,
			Seed:           &seed,
			Tasks:          []string{"cpu-bound", "io-*"},
			Runtimes:       []string{"go"},
			Models:         []string{"sync"},
			Concurrencies:  []int{1, 10, 100},
			Pythons:        []string{"python3.11", "/opt/python3.13t"},
			HTTPBinURL:     "http://me:secret@httpbin.example:8080",
			WorkloadsDirs:  []string{"/a", "b"},
			DataDir:        "/var/lib/benchd",
			SampleInterval: time.Second,
			RunTimeout:     time.Hour,
			RetentionAge:   36 * time.Hour, RetentionBytes: 3 << 29,
			VerdictCycles: 100, LeastDifference: 0.1, LeastChange: 0.005,
			LogLevel:  slog.LevelDebug,
			LogFormat: "json",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			setEnv(t, tt.env)
			got, err := Load()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreUnexported(Config{}), schedule); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The interval's default must not count as set, but the same value must.
func TestLoadIntervalBesideSchedule(t *testing.T) {
	setEnv(t, map[string]string{"BENCHD_SCHEDULE": "0 * * * *", "BENCHD_INTERVAL": "15m"})
	_, err := Load()
	want := `BENCHD_INTERVAL is "15m": want one of BENCHD_INTERVAL and BENCHD_SCHEDULE, not both`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestLoadReportsAllFaults(t *testing.T) {
	setEnv(t, map[string]string{
		"BENCHD_SIZ":       "quick",
		"BENCHD_RUNTIME":   "go",
		"BENCHD_LOG_LEVEL": "loud",
		"BENCHD_REPEAT":    "x",
	})
	_, err := Load()
	want := `BENCHD_RUNTIME is no variable of benchd: did you mean BENCHD_RUNTIMES?
BENCHD_SIZ is no variable of benchd: did you mean BENCHD_SIZE?
BENCHD_REPEAT is "x": want an integer of 1 to 1000
BENCHD_LOG_LEVEL is "loud": want debug, info, warn or error`
	if err == nil {
		t.Fatal("no error")
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestTable(t *testing.T) {
	setEnv(t, map[string]string{
		"BENCHD_SCHEDULE":    "0 * * * *",
		"BENCHD_HTTPBIN_URL": "https://me:secret@httpbin.example",
	})
	config, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := config.Table(&got); err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "table.golden")
	if *update {
		write(t, golden, got.String())
	}
	if diff := cmp.Diff(read(t, golden), got.String()); diff != "" {
		t.Errorf("run go test with -update if this is right; -want +got:\n%s", diff)
	}
}

func TestREADME(t *testing.T) {
	const begin, end = "<!-- config:begin -->\n", "<!-- config:end -->\n"
	readme := filepath.Join("..", "..", "README.md")
	before, rest, begins := strings.Cut(read(t, readme), begin)
	table, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		t.Fatalf("%s has no lines %q and %q", readme, begin, end)
	}
	var want bytes.Buffer
	if err := Markdown(&want); err != nil {
		t.Fatal(err)
	}
	if *update {
		write(t, readme, before+begin+want.String()+end+after)
		return
	}
	if diff := cmp.Diff(want.String(), table); diff != "" {
		t.Errorf("the README's table is not that of the code, run go test ./daemon/config -update; -want +got:\n%s", diff)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCheckFiles(t *testing.T) {
	for file, want := range map[string]string{
		"":                      "",
		"testdata/missing.yaml": `BENCHD_WEB_CONFIG_FILE is "testdata/missing.yaml": want a web configuration file of the exporter-toolkit: open testdata/missing.yaml: no such file or directory`,
	} {
		got := ""
		if err := (Config{WebConfigFile: file}).CheckFiles(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", file, got, want)
		}
	}
}
