package experiments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxCandidates bounds the interpreters that are started when none is named.
const maxCandidates = 16

var (
	minorCommand = regexp.MustCompile(`^python(3\.\d+t?)$`)
	notInLabel   = regexp.MustCompile(`[^a-z0-9+._-]+`)
)

// python is one of the interpreters that cpython stands for: what it is, or
// why it cannot be used.
type python struct {
	*interpreter
	given   string // as BENCHD_PYTHONS names it
	label   string // appended to the runtime's name; "" when none was found
	problem string // with what to try; "" when there is an interpreter
}

// discover probes the interpreters named, or else finds the one that can
// import most of the modules. One that cannot be used is returned with its
// problem; an error is a contradiction in BENCHD_PYTHONS, or the context's.
func discover(ctx context.Context, names, modules []string, timeout time.Duration) ([]python, error) {
	candidates := names
	if len(names) == 0 {
		candidates = search(os.Getenv("PATH"), "/usr/bin", "/usr/local/bin")
	}
	pythons := probeAll(ctx, candidates, modules, timeout)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("look for Python interpreters: %w", err)
	}
	if len(names) == 0 {
		pythons = []python{best(pythons)}
	}
	return pythons, label(pythons)
}

// search lists interpreters in the order of preference: the user's own
// python3, the system's, and then by version, newest first.
func search(path string, further ...string) []string {
	found := []string{"python3", "/usr/bin/python3"}
	var versions []string
	for _, dir := range append(filepath.SplitList(path), further...) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue // PATH commonly names folders that are not there
		}
		for _, entry := range entries {
			if minorCommand.MatchString(entry.Name()) {
				versions = append(versions, filepath.Join(dir, entry.Name()))
			}
		}
	}
	slices.SortStableFunc(versions, func(a, b string) int { return cmp.Compare(minorOf(b), minorOf(a)) })
	for _, file := range versions {
		if !slices.Contains(found, file) && len(found) < maxCandidates {
			found = append(found, file)
		}
	}
	return found
}

// minorOf is the 13 of python3.13.
func minorOf(file string) int {
	_, minor, _ := strings.Cut(filepath.Base(file), ".")
	n, err := strconv.Atoi(strings.TrimSuffix(minor, "t"))
	if err != nil {
		return 0 // more digits than any version has
	}
	return n
}

func probeAll(ctx context.Context, names, modules []string, timeout time.Duration) []python {
	pythons := make([]python, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			pythons[i].given = name
			found, err := probe(ctx, name, modules, timeout)
			if err != nil {
				pythons[i].problem = fmt.Sprintf("%v: install it, or change BENCHD_PYTHONS", err)
			}
			pythons[i].interpreter = found
		})
	}
	all.Wait()
	return pythons
}

// best is the first of those that can import most modules.
func best(pythons []python) python {
	best := python{problem: "no CPython was found: install one (apt-get install python3), or name one in BENCHD_PYTHONS"}
	for _, p := range pythons {
		if p.interpreter != nil && (best.interpreter == nil || len(p.Modules) > len(best.Modules)) {
			best = p
		}
	}
	return best
}

// label gives each interpreter one of its own: the minor version, or the full
// one where several have the same minor. One that is not there gets the
// version from its name, so that it does not change when it is installed, or
// else the whole name.
func label(pythons []python) error {
	minors, labels := make(map[string]int), make(map[string]string)
	for _, p := range pythons {
		if p.interpreter != nil {
			minors[p.minor()]++
		}
	}
	var faults []error
	claim := func(p *python, label string) bool {
		if _, taken := labels[label]; taken {
			return false
		}
		p.label, labels[label] = label, p.given
		return true
	}
	for i := range pythons {
		p := &pythons[i]
		if p.interpreter == nil {
			continue
		}
		label := p.minor()
		if minors[label] > 1 {
			label = p.Version + p.suffix()
		}
		if !claim(p, label) {
			faults = append(faults, fmt.Errorf("BENCHD_PYTHONS: %s and %s are both CPython %s: name one of them", labels[label], p.given, label))
		}
	}
	for i := range pythons {
		p := &pythons[i]
		if p.interpreter != nil || p.given == "" {
			continue
		}
		if minor := minorCommand.FindStringSubmatch(filepath.Base(p.given)); minor != nil && claim(p, minor[1]) {
			continue
		}
		whole := strings.Trim(notInLabel.ReplaceAllString(strings.ToLower(p.given), "-"), "-")
		if !claim(p, whole) {
			faults = append(faults, fmt.Errorf("BENCHD_PYTHONS: %s is there twice, or cannot be told from %s: name one of them", p.given, labels[whole]))
		}
	}
	return errors.Join(faults...)
}

// lacks is why the interpreter cannot run a program that imports the modules,
// "" if it can.
func (p *python) lacks(imports []string) string {
	var missing []string
	for _, module := range imports {
		if _, ok := p.Modules[module]; !ok {
			missing = append(missing, module)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	install := p.Executable + " -m pip install " + strings.Join(missing, " ")
	if filepath.Dir(p.Executable) == "/usr/bin" {
		install = "apt-get install python3-" + strings.Join(missing, " python3-")
	}
	return fmt.Sprintf("%s (CPython %s) cannot import %s: %s, or name another interpreter in BENCHD_PYTHONS",
		p.Executable, p.Version, strings.Join(missing, ", "), install)
}
