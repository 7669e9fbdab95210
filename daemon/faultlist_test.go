package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFaultListNamesTests wants each row of FAULTS.md to name tests that exist.
func TestFaultListNamesTests(t *testing.T) {
	t.Parallel()
	tests := testsOfTheRepository(t)
	text, err := os.ReadFile("FAULTS.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+)[^`]*`")
	for n, line := range strings.Split(string(text), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| fault |") || strings.HasPrefix(line, "| --- |") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.ReplaceAll(line, `\|`, ""), "| "), " | ")
		if len(cells) != 4 {
			t.Errorf("FAULTS.md:%d has %d cells, want 4: fault, before, now, test", n+1, len(cells))
			continue
		}
		named := name.FindAllStringSubmatch(cells[3], -1)
		if len(named) == 0 {
			t.Errorf("FAULTS.md:%d names no test: %q", n+1, cells[3])
		}
		for _, found := range named {
			if !tests[found[1]] {
				t.Errorf("FAULTS.md:%d names %s, which is no test of this repository", n+1, found[1])
			}
		}
	}
}

// testsOfTheRepository are the names of all test functions, whatever their build tags.
func testsOfTheRepository(t *testing.T) map[string]bool {
	t.Helper()
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Za-z0-9_]+)\(`)
	tests := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range function.FindAllSubmatch(text, -1) {
			tests[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
