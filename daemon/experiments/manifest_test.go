package experiments

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// badManifests are the faults of the manifests in testdata, each after its
// line. The program they name is the manifest itself, a file that is there.
var badManifests = map[string][]string{
	"bad-anchor-twice": {
		`2: anchor &a is defined twice`,
	},
	"bad-args": {
		`13: runtimes[0].models[0].args[0]: want a string, a number, true or false, got a mapping`,
	},
	"bad-baseline": {
		`4: baseline: "snyc" is no model, want one of sync`,
	},
	"bad-baseline-ambiguous": {
		`4: baseline: model "sync" has 2 concurrencies in runtime "shell", the baseline must have one`,
	},
	"bad-builtin": {
		`13: runtimes[0].models[0].program: "workload.yaml" is no built-in program`,
	},
	"bad-checksum": {
		`10: runtimes[0].sizes.standard.checksum: want an integer of 0 to 2^53, got 9007199254740993`,
	},
	"bad-client": {
		`13: runtimes[0].models[0].client: want text, got ""`,
	},
	"bad-concurrency-empty": {
		`13: runtimes[0].models[0].concurrency: want a list that is not empty, got an empty list`,
	},
	"bad-concurrency-zero": {
		`13: runtimes[0].models[0].concurrency[0]: want an integer of 1 to 1000000, got 0`,
	},
	"bad-description-missing": {
		`1: description is missing`,
	},
	"bad-documents": {
		`15: a second YAML document, want one`,
	},
	"bad-duplicate-experiment": {
		`14: runtimes[0].models[1]: experiment shell/sync/1 is there twice`,
	},
	"bad-duplicate-key": {
		`14: key "title" is there twice`,
	},
	"bad-empty": {
		`1: want a mapping, got nothing`,
	},
	"bad-env-name": {
		`8: runtimes[0].env.path: want a name of upper-case letters, digits and _`,
	},
	"bad-env-reference": {
		`8: runtimes[0].env.PATH: want no reference other than ${WORKLOADS}`,
	},
	"bad-env-reserved": {
		`8: runtimes[0].env.WORKLOAD_TASK: WORKLOAD_ is benchd's: make it a param`,
	},
	"bad-executable": {
		`13: runtimes[0].models[0].program: "workload.yaml" is not executable: chmod +x it, or name its interpreter`,
	},
	"bad-httpbin": {
		`3: httpbin: want true or false, got "yes"`,
	},
	"bad-imports": {
		`13: runtimes[0].models[0].imports: only models with interpreter cpython can have it`,
	},
	"bad-imports-name": {
		`13: runtimes[0].models[0].imports[0]: want a Python module, got "a-b"`,
	},
	"bad-interpreter": {
		`7: runtimes[0].interpreter: want cpython, builtin, none, or a command on PATH, got "/bin/bash"`,
	},
	"bad-items": {
		`10: runtimes[0].sizes.standard.items: want an integer of 0 to 2^53, got -1`,
	},
	"bad-many": {
		`1: title: want text, got nothing`,
		`3: unit: want lower-case letters, got "Words"`,
		`4: colour: unknown key, want one of title, description, unit, httpbin, canary, baseline, runtimes`,
		`11: runtimes[0].sizes.standard: items is missing`,
		`14: runtimes[0].models[0].name: want a name of at most 63 lower-case letters, digits and +._-, which starts with a letter or digit, got "Sync"`,
	},
	"bad-model-name": {
		`13: runtimes[0].models[0].name: want a name of at most 63 lower-case letters, digits and +._-, which starts with a letter or digit, got ".."`,
	},
	"bad-models-missing": {
		`6: runtimes[0]: models is missing`,
	},
	"bad-param-name": {
		`9: runtimes[0].sizes.quick.params.URLS: want a name of lower-case letters, digits and _`,
	},
	"bad-param-reserved": {
		`9: runtimes[0].sizes.quick.params.httpbin_url: WORKLOAD_HTTPBIN_URL is benchd's: choose another name`,
	},
	"bad-param-value": {
		`9: runtimes[0].sizes.quick.params.urls: want a string, a number, true or false, got a list`,
	},
	"bad-params": {
		`9: runtimes[0].sizes.quick.params: want a mapping, got a list`,
	},
	"bad-passes-great": {
		`13: runtimes[0].models[0].passes.original[0]: want an integer of 1 to 30023997515803, got 100000000000000`,
	},
	"bad-passes-length": {
		`13: runtimes[0].models[0].passes.standard: want one number for each of the 1 concurrencies, got 2`,
	},
	"bad-passes-size": {
		`13: runtimes[0].models[0].passes.huge: unknown key, want one of quick, standard, original`,
	},
	"bad-passes-zero": {
		`13: runtimes[0].models[0].passes.quick[0]: want an integer of 1 to 3002399751580330, got 0`,
	},
	"bad-program-folder": {
		`13: runtimes[0].models[0].program: "." is no regular file`,
	},
	"bad-program-missing": {
		`13: runtimes[0].models[0].program: there is no file "async.sh" in the task's folder`,
	},
	"bad-program-outside": {
		`13: runtimes[0].models[0].program: want a file below the task's folder, got "../bad-unit/workload.yaml"`,
	},
	"bad-runtime-name": {
		`6: runtimes[0].name: want a name of at most 63 lower-case letters, digits and +._-, which starts with a letter or digit, got "Shell"`,
	},
	"bad-runtimes": {
		`5: runtimes: want a list that is not empty, got "shell"`,
	},
	"bad-size-missing": {
		`8: runtimes[0].sizes: standard is missing`,
	},
	"bad-size-unknown": {
		`11: runtimes[0].sizes.huge: unknown key, want one of quick, standard, original`,
	},
	"bad-syntax": {
		`2: not YAML: ',' or ']' must be specified`,
	},
	"bad-title-empty": {
		`1: title: want text, got " "`,
	},
	"bad-title-type": {
		`1: title: want text, got 3`,
	},
	"bad-top": {
		`1: want a mapping, got a list`,
	},
	"bad-unit": {
		`3: unit: want lower-case letters, got "words per minute"`,
	},
	"bad-unknown-key": {
		`13: runtimes[0].models[0].colour: unknown key, want one of name, client, program, args, imports, concurrency, passes`,
	},
	"bad-utf8": {
		`2: not UTF-8`,
	},
	"bad-wrong-alias": {
		`1: title: want text, got an alias that leads nowhere`,
	},
}

func TestBadManifests(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join("testdata", "bad-*"))
	if err != nil || len(dirs) != len(badManifests) {
		t.Errorf("%d manifests in testdata, %d in the table (%v)", len(dirs), len(badManifests), err)
	}
	for name, want := range badManifests {
		t.Run(name, func(t *testing.T) {
			bad := task{name: name, tree: tree{dir: "testdata"}}
			file := bad.path(manifestName)
			var got []string
			for _, fault := range bad.read(file, func(string) bool { return false }) {
				got = append(got, strings.TrimPrefix(fault.Error(), file+":"))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

const fullManifest = `
title: HTTP requests
description: |
  What is done,
  and why.
unit: requests
baseline: sync
httpbin: true
canary: true
runtimes:
  - name: cpython
    interpreter: cpython
    env: {PYTHONPATH: "${WORKLOADS}/lib/python", DEBUG: 0}
    sizes: &sizes
      quick: {params: {urls: 1_00, delay_seconds: 0.05, path: "/x", verbose: true}, items: 100, units: 0x10, checksum: 123}
      standard: {items: 1000, units: 1000, checksum: 1}
      original: {params: {}, items: 0, units: 0, checksum: 0}
    models:
      - name: threading
        program: cpython/threads.py
        args: [-v, 3]
        client: requests
        imports: [requests, a.b_c]
        concurrency: [10, 100]
        passes: {standard: [1, 3]}
      - {name: sync, program: s.py, args: []}
  - {name: go, interpreter: builtin, sizes: *sizes, models: [{name: sync, program: io-sync}]}
`

func parse(text string) (manifest, error) {
	m, faults := parseManifest(manifestName, []byte(text), func(string, string) error { return nil })
	return m, errors.Join(faults...)
}

func TestParseManifest(t *testing.T) {
	got, err := parse(fullManifest)
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]size{
		"quick": {
			params: map[string]string{"urls": "100", "delay_seconds": "0.05", "path": "/x", "verbose": "true"},
			items:  100, units: 16, checksum: 123,
		},
		"standard": {params: map[string]string{}, items: 1000, units: 1000, checksum: 1},
		"original": {params: map[string]string{}},
	}
	want := manifest{
		title:       "HTTP requests",
		description: "What is done,\nand why.",
		unit:        "requests",
		baseline:    "sync",
		httpbin:     true,
		canary:      true,
		runtimes: []language{
			{
				name: "cpython", interpreter: "cpython", sizes: sizes,
				env: map[string]string{"PYTHONPATH": "${WORKLOADS}/lib/python", "DEBUG": "0"},
				models: []model{
					{
						name: "threading", program: "cpython/threads.py", args: []string{"-v", "3"},
						client: "requests", imports: []string{"requests", "a.b_c"},
						concurrency: []int{10, 100}, passes: map[string][]uint64{"standard": {1, 3}},
					},
					{name: "sync", program: "s.py", concurrency: []int{1}, passes: map[string][]uint64{}},
				},
			},
			{
				name: "go", interpreter: "builtin", sizes: sizes, env: map[string]string{},
				models: []model{{name: "sync", program: "io-sync", concurrency: []int{1}, passes: map[string][]uint64{}}},
			},
		},
	}
	unexported := cmp.AllowUnexported(manifest{}, language{}, size{}, model{})
	place := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".place" }, cmp.Ignore())
	if diff := cmp.Diff(want, got, unexported, place); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

var lineBreak = regexp.MustCompile(`\r\n|\r|\n`)

// However the file looks, each fault is one line that names file and line, and
// a manifest without faults keeps every promise that the rest relies on.
func FuzzParseManifest(f *testing.F) {
	f.Add(fullManifest)
	for name := range badManifests {
		data, err := os.ReadFile(filepath.Join("testdata", name, manifestName))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, faults := parseManifest(manifestName, []byte(text), func(string, string) error { return nil })
		for _, fault := range faults {
			var line int
			if n, err := fmt.Sscanf(fault.Error(), manifestName+":%d: ", &line); n != 1 || err != nil || line < 1 {
				t.Errorf("no place in %q", fault)
			}
			if line > len(lineBreak.FindAllString(text, -1))+1 {
				t.Errorf("line %d is beyond the end: %q", line, fault)
			}
			if strings.Contains(fault.Error(), "\n") {
				t.Errorf("more than one line: %q", fault)
			}
		}
		if len(faults) == 0 {
			checkPromises(t, &m)
		}
	})
}

func checkPromises(t *testing.T, m *manifest) {
	t.Helper()
	if m.title == "" || m.description == "" || m.unit == "" || len(m.runtimes) == 0 {
		t.Errorf("something is empty: %+v", m)
	}
	baselines, seen := 0, make(map[string]bool)
	for _, l := range m.runtimes {
		if len(l.sizes) != len(sizes) || len(l.models) == 0 || !namePattern.MatchString(l.name) || l.interpreter == "" {
			t.Errorf("runtime %+v", l)
		}
		for _, model := range l.models {
			if model.name == m.baseline {
				baselines++
			}
			for i, c := range model.concurrency {
				id := fmt.Sprint(l.name, "/", model.name, "/", c)
				if seen[id] || c < 1 || !namePattern.MatchString(model.name) || model.program == "" {
					t.Errorf("experiment %s of %+v", id, model)
				}
				seen[id] = true
				for _, s := range sizes {
					passes, input := model.passesOf(s, i), l.sizes[s]
					if passes < 1 || max(input.items, input.units, input.checksum, 1) > maxCount/passes {
						t.Errorf("%d passes of %+v", passes, input)
					}
				}
			}
		}
	}
	if baselines == 0 {
		t.Errorf("baseline %q is no model", m.baseline)
	}
}
