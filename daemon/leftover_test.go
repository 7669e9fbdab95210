package main

import (
	"os"
	"path/filepath"
	"testing"
)

// writeTask makes a folder of tasks with one, script, that does what the lines
// of bash say in its measured region.
func writeTask(t *testing.T, lines string) (dir string) {
	t.Helper()
	const begin = `say() { printf '%s\n' "$1" >&3; }
gate() { local name; read -r name token && [[ $name == "$1" ]]; }
say '{"type": "ready", "protocol": 1, "pid": '$$', "runtime": "5"}'
gate start
`
	const end = `
say '{"type": "result", "token": "'"$token"'", "elapsed_seconds": 0, "items": 1, "units": 1, "checksum": 7}'
gate exit
`
	return writeProgram(t, "Script", begin+lines+end)
}

// writeProgram makes a folder of tasks with one, script, that is a program in
// bash. The title is what stands between quotes in YAML.
func writeProgram(t *testing.T, title, program string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	task := filepath.Join(dir, "script")
	if err := os.Mkdir(task, 0o755); err != nil {
		t.Fatal(err)
	}
	manifest := `title: "` + title + `"
description: "` + title + `"
unit: runs
baseline: script
runtimes:
  - name: bash
    interpreter: bash
    sizes:
      quick: {params: {}, items: 1, units: 1, checksum: 7}
      standard: {params: {}, items: 1, units: 1, checksum: 7}
      original: {params: {}, items: 1, units: 1, checksum: 7}
    models:
      - {name: script, program: script.sh}
`
	for name, text := range map[string]string{"workload.yaml": manifest, "script.sh": program} {
		if err := os.WriteFile(filepath.Join(task, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestTasksThatWorkloadsShut starts again where a workload has shut folders
// that benchd lays its tasks out in.
func TestTasksThatWorkloadsShut(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	tasks := writeTask(t, `cd "$WORKLOAD_DIR/../../workloads"
mkdir noop/cache; touch noop/cache/x; rm canary/*; ln -s /no/such cpu-bound/link; mkfifo io-bound/fifo
chmod 555 noop/cache noop; chmod 000 canary; chmod 555 .`)
	for range 2 {
		d := startDaemon(t, self(t), data, "BENCHD_WORKLOADS_DIR="+tasks, "BENCHD_TASKS=script")
		d.awaitCycles(t, 1)
		if n := d.metrics(t)["benchd_scratch_leftovers"]; n != 0 {
			t.Errorf("%v things are left:\n%s", n, d.log)
		}
		d.end(t)
	}
}
