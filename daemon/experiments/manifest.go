package experiments

import (
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Interpreters that are not a command on PATH.
const (
	cpython = "cpython" // each of BENCHD_PYTHONS
	builtin = "builtin" // a program inside this binary
	none    = "none"    // the program is executable itself
)

const (
	maxCount       = 1 << 53   // what the protocol allows for a counter
	maxConcurrency = 1_000_000 // as BENCHD_CONCURRENCIES allows
)

// sizes that every runtime of a manifest has.
var sizes = []string{"quick", "standard", "original"}

// reserved are the variables WORKLOAD_... that are not a param's to set.
var reserved = []string{
	"TASK", "RUNTIME", "MODEL", "CONCURRENCY", "PASSES",
	"DIR", "FD", "PROTOCOL", "HTTPBIN_URL", "PADDING",
}

var (
	// names are labels, parts of paths and of globs.
	namePattern    = regexp.MustCompile(`^[a-z0-9][a-z0-9+._-]{0,62}$`)
	unitPattern    = regexp.MustCompile(`^[a-z]+$`)
	commandPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9+._-]*$`)
	modulePattern  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)
	paramPattern   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	envPattern     = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
)

// manifest is a task as its workload.yaml tells it.
type manifest struct {
	title, description string
	unit               string
	baseline           string // a model
	httpbin            bool
	canary             bool // stands for the host
	runtimes           []language
}

// language is one entry of a manifest's runtimes. It makes one runtime, or
// with interpreter cpython as many as there are interpreters.
type language struct {
	name, interpreter string
	env               map[string]string // ${WORKLOADS} not yet replaced
	sizes             map[string]size
	models            []model
}

// size is the input of the programs, and what they make of it in one pass.
type size struct {
	params                 map[string]string
	items, units, checksum uint64
}

type model struct {
	name, program string
	args          []string
	client        string
	imports       []string
	concurrency   []int
	passes        map[string][]uint64 // by size, one per concurrency
	place         value               // of the whole, for faults
}

// passesOf is how often the input is gone through at a size and at the
// concurrency with the given index.
func (m *model) passesOf(size string, index int) uint64 {
	if passes, ok := m.passes[size]; ok {
		return passes[index]
	}
	return 1
}

// programs tells what is wrong with a program that a manifest names.
type programs func(interpreter, program string) error

// parseManifest reads a workload.yaml. The manifest is of use only when there
// is no error.
func parseManifest(file string, data []byte, check programs) (manifest, []error) {
	r := reader{document: document{file: file, anchors: make(map[string]ast.Node)}, check: check}
	m := r.manifest(r.open(data))
	return m, r.errors()
}

// reader turns a document into a manifest.
type reader struct {
	document
	check programs
}

func (r *reader) manifest(top value) manifest {
	fields := top.mapping()
	m := manifest{
		title:       fields.required("title").text(),
		description: fields.required("description").text(),
		unit:        matching(fields.required("unit"), unitPattern, "lower-case letters"),
		httpbin:     fields.optional("httpbin").boolean(),
		canary:      fields.optional("canary").boolean(),
	}
	baseline := fields.required("baseline")
	m.baseline = parseName(baseline)
	entries := fields.required("runtimes").list()
	fields.end()

	type cell struct {
		runtime, model string
		concurrency    int
	}
	seen := make(map[cell]bool)
	for _, entry := range entries {
		l := r.language(entry)
		m.runtimes = append(m.runtimes, l)
		for _, model := range l.models {
			for _, c := range model.concurrency {
				id := cell{l.name, model.name, c}
				if seen[id] && l.name != "" && model.name != "" {
					model.place.fault("experiment %s/%s/%d is there twice", l.name, model.name, c)
				}
				seen[id] = true
			}
		}
	}
	m.checkBaseline(baseline)
	return m
}

// checkBaseline also wants one concurrency: with more, what the others are
// compared with would be left to chance. It says nothing where a name is amiss
// that might be the one.
func (m *manifest) checkBaseline(at value) {
	if m.baseline == "" {
		return // a fault already
	}
	var models []string
	found := false
	for _, l := range m.runtimes {
		for _, model := range l.models {
			if !slices.Contains(models, model.name) {
				models = append(models, model.name)
			}
			if model.name != m.baseline {
				continue
			}
			found = true
			if n := len(model.concurrency); n > 1 {
				at.fault("model %q has %d concurrencies in runtime %q, the baseline must have one", m.baseline, n, l.name)
			}
		}
	}
	if !found && len(models) > 0 && !slices.Contains(models, "") {
		at.fault("%q is no model, want one of %s", m.baseline, strings.Join(models, ", "))
	}
}

func (r *reader) language(v value) language {
	fields := v.mapping()
	l := language{
		name: parseName(fields.required("name")),
		interpreter: matching(fields.required("interpreter"), commandPattern,
			"cpython, builtin, none, or a command on PATH"),
		env:   parseEnv(fields.optional("env")),
		sizes: make(map[string]size),
	}
	bySize := fields.required("sizes").mapping()
	for _, s := range sizes {
		l.sizes[s] = parseSize(bySize.required(s))
	}
	bySize.end()
	for _, entry := range fields.required("models").list() {
		l.models = append(l.models, r.model(entry, &l))
	}
	fields.end()
	return l
}

func parseEnv(v value) map[string]string {
	env := make(map[string]string)
	for key, entry := range v.mapping().entries {
		env[key] = entry.scalar()
		switch {
		case !envPattern.MatchString(key):
			entry.fault("want a name of upper-case letters, digits and _")
		case strings.HasPrefix(key, "WORKLOAD_"):
			entry.fault("WORKLOAD_ is benchd's: make it a param")
		case strings.Contains(strings.ReplaceAll(env[key], workloadsReference, ""), "${"):
			entry.fault("want no reference other than %s", workloadsReference)
		}
	}
	return env
}

func parseSize(v value) size {
	fields := v.mapping()
	s := size{
		params:   make(map[string]string),
		items:    fields.required("items").integer(0, maxCount),
		units:    fields.required("units").integer(0, maxCount),
		checksum: fields.required("checksum").integer(0, maxCount),
	}
	for key, entry := range fields.optional("params").mapping().entries {
		s.params[key] = entry.scalar()
		if !paramPattern.MatchString(key) {
			entry.fault("want a name of lower-case letters, digits and _")
		}
		if slices.Contains(reserved, strings.ToUpper(key)) {
			entry.fault("WORKLOAD_%s is benchd's: choose another name", strings.ToUpper(key))
		}
	}
	fields.end()
	return s
}

func (r *reader) model(v value, l *language) model {
	fields := v.mapping()
	m := model{
		name:   parseName(fields.required("name")),
		client: fields.optional("client").text(),
		passes: make(map[string][]uint64),
		place:  v,
	}
	program := fields.required("program")
	if m.program = program.text(); m.program != "" && l.interpreter != "" {
		if err := r.check(l.interpreter, m.program); err != nil {
			program.fault("%v", err)
		}
	}
	// Unlike the other lists, this one may be empty: it is the default, spelt out.
	if args := fields.optional("args"); !args.isEmptyList() {
		for _, arg := range args.list() {
			m.args = append(m.args, arg.scalar())
		}
	}
	imports := fields.optional("imports")
	if imports.present() && l.interpreter != cpython && l.interpreter != "" {
		imports.fault("only models with interpreter %s can have it", cpython)
	}
	for _, module := range imports.list() {
		m.imports = append(m.imports, matching(module, modulePattern, "a Python module"))
	}
	m.concurrency = []int{1}
	if concurrency := fields.optional("concurrency"); concurrency.present() {
		m.concurrency = nil
		for _, c := range concurrency.list() {
			m.concurrency = append(m.concurrency, int(c.integer(1, maxConcurrency)))
		}
	}
	bySize := fields.optional("passes").mapping()
	for _, s := range sizes {
		if entry := bySize.optional(s); entry.present() {
			m.passes[s] = parsePasses(entry, len(m.concurrency), l.sizes[s])
		}
	}
	bySize.end()
	fields.end()
	return m
}

// parsePasses reads as many as there are concurrencies, none so great that what
// the runs must report goes beyond what the protocol allows.
func parsePasses(v value, concurrencies int, s size) []uint64 {
	largest := max(s.items, s.units, s.checksum, 1)
	var passes []uint64
	for _, n := range v.list() {
		passes = append(passes, n.integer(1, maxCount/largest))
	}
	if len(passes) != concurrencies && len(passes) > 0 {
		v.fault("want one number for each of the %d concurrencies, got %d", concurrencies, len(passes))
	}
	return passes
}

func parseName(v value) string {
	return matching(v, namePattern, "a name of at most 63 lower-case letters, digits and +._-, which starts with a letter or digit")
}

// matching reads text of a certain form, "" when it does not have it.
func matching(v value, form *regexp.Regexp, want string) string {
	text := v.text()
	if text != "" && !form.MatchString(text) {
		v.wrong(want)
		return ""
	}
	return text
}
