package experiments

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml/ast"
	"golang.org/x/sys/unix"
)

// manifestWith is a manifest with these models in one runtime.
func manifestWith(title, models string) string {
	return `title: ` + title + `
description: Says hello.
unit: words
baseline: sync
runtimes:
  - name: shell
    interpreter: sh
    sizes: &sizes
      quick: {items: 1, units: 1, checksum: 1}
      standard: {items: 1, units: 1, checksum: 1}
      original: {items: 1, units: 1, checksum: 1}
    models: ` + models + "\n"
}

const oneModel = "[{name: sync, program: a.sh}]"

// TestBoundsOfManifests wants what is made to exhaust a reader to be refused at once, with
// its line. Without bounds the first of them take gigabytes each, and minutes.
func TestBoundsOfManifests(t *testing.T) {
	t.Parallel()
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	const most = maxManifestBytes
	for _, c := range []struct{ name, text, want string }{
		{"brackets", strings.Repeat("[", most), "m:1: nested deeper than 32 levels, is it a manifest?"},
		{"brackets that are closed", strings.Repeat("[", most/2) + strings.Repeat("]", most/2), "m:1: nested deeper than 32 levels, is it a manifest?"},
		{"braces", "a: 1\nb: " + strings.Repeat("{a: ", most/5), "m:2: nested deeper than 32 levels, is it a manifest?"},
		{"lists in a line", strings.Repeat("- ", most/2) + "a", "m:1: nested deeper than 32 levels, is it a manifest?"},
		{"keys in a line", strings.Repeat("? ", most/2) + "a", "m:1: nested deeper than 32 levels, is it a manifest?"},
		{"tags", strings.Repeat("!!s ", most/4) + "a", "m:1: nested deeper than 32 levels, is it a manifest?"},
		{"tags, each in a line", strings.Repeat("!!s\n", most/4) + "a", "m:33: nested deeper than 32 levels, is it a manifest?"},
		{"documents", strings.Repeat("---\na: 1\n", 2000), "m:4: a second YAML document, want one"},
		{"aliases of aliases", manifestWith("A", "&m ["+strings.Repeat("{name: sync, program: a.sh}, ", 400)+"]") +
			many(400, "  - {name: r%d, interpreter: sh, sizes: *sizes, models: *m}\n"),
			"more than 50000 values, those of aliases included: make the manifest smaller"},
		{"unknown keys", manifestWith("A", oneModel) + many(3000, "k%d: 1\n"), "m: and 2980 more faults: mend these first"},
		{"a long title", manifestWith(strings.Repeat("x", maxText+1), oneModel), "m:1: title: want at most 2000 characters, got 2001"},
		{"a title that is no text", manifestWith(`"\0"`, oneModel), `m:1: title: want text, got "\x00"`},
		{"binary", "\x7fELF\x02\x01\x01\x00\x00", "m:1: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, errs := parseManifest("m", []byte(c.text), func(string, string) error { return nil })
			if c.name == "aliases of aliases" && len(errs) > 1 {
				t.Errorf("%d faults beside it", len(errs)-1)
			}
			if len(errs) > maxFaults+1 {
				t.Errorf("%d lines, want at most %d", len(errs), maxFaults+1)
			}
			for _, err := range errs {
				if strings.Contains(err.Error(), c.want) {
					return
				}
			}
			t.Errorf("got %.300v, want %s", errs, c.want)
		})
	}
}

// TestDepthAndLengthThatManifestsHave wants bounds that no manifest meets by being long.
func TestDepthAndLengthThatManifestsHave(t *testing.T) {
	t.Parallel()
	models := "\n      - {name: sync, program: a.sh}\n"
	for i := range 500 {
		models += fmt.Sprintf("      - {name: m%d, program: a.sh, args: [\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\", -x, -y], concurrency: [1, 2]}\n", i)
	}
	_, errs := parseManifest("m", []byte(manifestWith("A", models)), func(string, string) error { return nil })
	if len(errs) > 0 {
		t.Errorf("%d faults, the first %v", len(errs), errs[0])
	}
	if d := (document{anchors: map[string]ast.Node{}}); !d.open([]byte(strings.Repeat("- a\n", 500) + strings.Repeat("- [!x a, !y b]\n", 500))).present() {
		t.Errorf("a long list: %v", d.faults)
	}
}

// TestWhatIsNoManifest wants the start neither to hang nor to pass over what stands in the
// place of a manifest.
func TestWhatIsNoManifest(t *testing.T) {
	t.Parallel()
	at := func(name string) func(t *testing.T, file string) {
		return func(t *testing.T, file string) {
			if err := os.Symlink(name, file); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name string
		make func(t *testing.T, file string)
		want string
	}{
		{"a pipe", func(t *testing.T, file string) {
			if err := unix.Mkfifo(file, 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is a pipe, want a regular file"},
		{"a folder", func(t *testing.T, file string) {
			if err := os.Mkdir(file, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "is a folder, want a regular file"},
		{"a socket", func(t *testing.T, file string) {
			if err := unix.Mknod(file, unix.S_IFSOCK|0o600, 0); err != nil {
				t.Fatal(err)
			}
		}, "is a socket or a device, want a regular file"},
		{"a device without an end", at("/dev/zero"), "is a device, want a regular file"},
		{"a link to nowhere", at("nothing"), "no such file or directory"},
		{"a link to itself", at(manifestName), "too many levels of symbolic links"},
		{"a file that grows as it is read", at("/proc/self/status"), "changed while it was read: start again when it is complete"},
		{"a large file", func(t *testing.T, file string) {
			writeFile(t, file, "", 0o600)
			if err := os.Truncate(file, 1<<40); err != nil {
				t.Fatal(err)
			}
		}, "has more than 64 kB, is it a manifest?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "task"), 0o700); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "task", manifestName)
			c.make(t, file)
			got := make(chan error, 1)
			go func() {
				_, err := readTasks([]tree{{dir: dir}}, func(string) bool { return false })
				got <- err
			}()
			select {
			case err := <-got:
				if want := file + ": " + c.want; err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
			case <-time.After(time.Minute):
				t.Error("it is still being read after a minute")
			}
		})
	}
}

// TestTooManyExperiments wants a bound on what one manifest can ask for.
func TestTooManyExperiments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	concurrency := "2"
	for c := 3; c <= maxExperiments+1; c++ {
		concurrency += fmt.Sprintf(",%d", c)
	}
	writeFile(t, filepath.Join(dir, "task", manifestName), manifestWith("A", "[{name: sync, program: a.sh}, {name: b, program: a.sh, concurrency: ["+concurrency+"]}]"), 0o600)
	writeFile(t, filepath.Join(dir, "task", "a.sh"), "", 0o600)
	o := options(t)
	o.ExtraDirs = []string{dir}
	o.Tasks = []string{"task"}
	want := "10001 experiments, at most 10000 are allowed: select with BENCHD_TASKS, BENCHD_RUNTIMES, BENCHD_MODELS, BENCHD_CONCURRENCIES"
	if _, err := Load(t.Context(), o); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
