package workloads_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"benchd/workloads"
	"benchd/workloads/protocol"
	"benchd/workloads/workload"
)

// TestMain lets this binary be a built-in workload, as the daemon is.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "workload" {
		program, ok := workloads.Builtin(os.Args[2])
		if !ok {
			fmt.Fprintln(os.Stderr, "no built-in program", os.Args[2])
			os.Exit(2)
		}
		os.Exit(workload.Main(program))
	}
	os.Exit(m.Run())
}

// manifest is as much of workload.yaml as the tests need.
type manifest struct {
	Title, Description, Unit, Baseline string
	HTTPBin                            bool `yaml:"httpbin"`
	Canary                             bool
	Runtimes                           []runtimeOf
}

type runtimeOf struct {
	Name, Interpreter string
	Env               map[string]string
	Sizes             map[string]size
	Models            []model
}

type size struct {
	Params                 map[string]any
	Items, Units, Checksum uint64
}

type model struct {
	Name, Program, Client string
	Args, Imports         []string
	Concurrency           []int
	Passes                map[string][]int
}

// concurrencies are those of the manifest, or the default.
func (m model) concurrencies() []int {
	if len(m.Concurrency) == 0 {
		return []int{1}
	}
	return m.Concurrency
}

func parseManifest(t *testing.T, text []byte) manifest {
	t.Helper()
	var m manifest
	if err := yaml.UnmarshalWithOptions(text, &m, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	return m
}

// readManifests reads the manifest of every shipped task.
func readManifests(t *testing.T) map[string]manifest {
	t.Helper()
	paths, err := filepath.Glob("*/workload.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	manifests := make(map[string]manifest)
	for _, path := range paths {
		text, err := workloads.FS.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		manifests[filepath.Dir(path)] = parseManifest(t, text)
	}
	return manifests
}

// job is one run of a program.
type job struct {
	command     []string
	concurrency int
	passes      int
	params      map[string]any
	httpbin     string
	env         []string
}

// run is a small daemon: it starts the program, opens the gates, and returns
// both messages. The program must end by itself with status 0.
func (j job) run(t *testing.T) (protocol.Ready, protocol.Result) {
	t.Helper()
	ready, result, err := j.start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return ready, result
}

func (j job) start(ctx context.Context, dir string) (ready protocol.Ready, result protocol.Result, err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	messages, writer, err := os.Pipe()
	if err != nil {
		return ready, result, err
	}
	defer messages.Close()
	defer writer.Close()
	cmd := exec.CommandContext(ctx, j.command[0], j.command[1:]...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = time.Second
	cmd.Dir = dir
	cmd.ExtraFiles = []*os.File{writer} // becomes descriptor 3
	cmd.Env = j.environ(dir)
	gates, err := cmd.StdinPipe()
	if err != nil {
		return ready, result, err
	}
	if err := cmd.Start(); err != nil {
		return ready, result, err
	}
	_ = writer.Close() // the program has its own: its end shows as an end of file
	talk := func() error {
		lines := bufio.NewReaderSize(messages, protocol.MaxMessageBytes)
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("read ready: %w", err)
		}
		if ready, err = protocol.ParseReady(line); err != nil {
			return err
		}
		if _, err := io.WriteString(gates, protocol.GateStart+" token of the test\n"); err != nil {
			return err
		}
		if line, err = lines.ReadSlice('\n'); err != nil {
			return fmt.Errorf("read result: %w", err)
		}
		if result, err = protocol.ParseResult(line, "token of the test"); err != nil {
			return err
		}
		_, err = io.WriteString(gates, protocol.GateExit+"\n")
		return err
	}
	err = talk()
	_ = gates.Close() // after an error this ends the program
	if err = errors.Join(err, cmd.Wait()); err != nil {
		return ready, result, fmt.Errorf("%w\n%s", err, output.Bytes())
	}
	return ready, result, nil
}

func (j job) environ(dir string) []string {
	env := append(os.Environ(), j.env...)
	env = append(env, "WORKLOAD_PROTOCOL=1", "WORKLOAD_FD=3", "WORKLOAD_TASK=test", "WORKLOAD_RUNTIME=test",
		"WORKLOAD_MODEL=test", "WORKLOAD_CONCURRENCY="+strconv.Itoa(j.concurrency),
		"WORKLOAD_PASSES="+strconv.Itoa(j.passes), "WORKLOAD_DIR="+dir)
	if j.httpbin != "" {
		env = append(env, "WORKLOAD_HTTPBIN_URL="+j.httpbin)
	}
	for name, value := range j.params {
		env = append(env, fmt.Sprintf("WORKLOAD_%s=%v", strings.ToUpper(name), value))
	}
	return env
}
