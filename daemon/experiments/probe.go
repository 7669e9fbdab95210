package experiments

import (
	"bytes"
	"cmp"
	"context"
	_ "embed" // for probe.py
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/go-json-experiment/json"

	"benchd/daemon/environment"
	"benchd/daemon/linux"
)

//go:embed probe.py
var probeScript string

// versionPattern yields the minor version: 3.13 of 3.13.0rc1.
var versionPattern = regexp.MustCompile(`^(\d+\.\d+)\.\d+[0-9a-z.+]*$`)

// interpreter is what a command has told of itself when it was probed.
type interpreter struct {
	Implementation string            `json:"implementation"`
	Version        string            `json:"version"`
	Executable     string            `json:"executable"`
	FreeThreads    bool              `json:"free_threads"`
	Environment    map[string]string `json:"environment"` // where it looks, as far as the command has changed that
	Modules        map[string]string `json:"modules"`     // those it can import, with version or ""
}

// minor is the version as far as labels tell it, with a t for free threads,
// as CPython's own commands have it.
func (i *interpreter) minor() string {
	return versionPattern.FindStringSubmatch(i.Version)[1] + i.suffix()
}

func (i *interpreter) suffix() string {
	if i.FreeThreads {
		return "t"
	}
	return ""
}

// probe asks the command which interpreter it is, and that interpreter what it
// can import. The command may be a script that looks for the interpreter, by the
// user's home, the current folder and whatever variables, and tells it where its
// libraries are. It is the interpreter that will run, from another folder and in
// the environment of a run, and so it is asked.
func probe(ctx context.Context, command string, modules []string, timeout time.Duration) (*interpreter, error) {
	path, err := exec.LookPath(command)
	if err != nil {
		return nil, fmt.Errorf("%s is no command here", command)
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	found, err := ask(ctx, command, path, nil, nil, timeout)
	if err != nil {
		return nil, err
	}
	// What the script has changed.
	maps.DeleteFunc(found.Environment, func(name, value string) bool {
		return value == os.Getenv(name) || !slices.Contains(environment.Names(), name)
	})
	// A home that is not there is as empty as that of a run.
	env := environment.List(environment.Of("/nonexistent", found.Environment))
	i, err := ask(ctx, command, found.Executable, env, modules, timeout)
	if err != nil {
		return nil, err
	}
	i.Executable, i.Environment = found.Executable, found.Environment
	return i, nil
}

// ask starts the file once, in the given environment or, where that is nil, in
// this process's.
func ask(ctx context.Context, command, file string, env, modules []string, timeout time.Duration) (*interpreter, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var stdout, stderr capped
	cmd := exec.CommandContext(ctx, file, append([]string{"-c", probeScript, strings.Join(environment.Names(), ",")}, modules...)...)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// The command may be a shell script, whose children must end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := linux.Start(cmd)
	if err == nil {
		err = linux.Wait(cmd)
	}
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s did not answer within %v", command, timeout)
		}
		return nil, fmt.Errorf("%s did not answer: %w%s", command, err, lastLine(stderr.String()))
	}
	i, err := parseAnswer(stdout.Bytes())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	i.Executable = cmp.Or(i.Executable, file)
	return i, nil
}

// parseAnswer reads the last line of what the interpreter printed: the site
// customisation of a machine may print as well.
func parseAnswer(stdout []byte) (*interpreter, error) {
	lines := bytes.Split(bytes.TrimSpace(stdout), []byte("\n"))
	var i interpreter
	if err := json.Unmarshal(lines[len(lines)-1], &i); err != nil {
		return nil, errors.New("is no Python interpreter")
	}
	if i.Implementation != cpython {
		return nil, fmt.Errorf("is %.30q, not CPython", i.Implementation)
	}
	if len(i.Version) > 30 || !versionPattern.MatchString(i.Version) {
		return nil, fmt.Errorf("has the version %.30q, want one such as 3.13.5", i.Version)
	}
	if i.Executable != "" && !filepath.IsAbs(i.Executable) {
		return nil, fmt.Errorf("lies in %q, want an absolute path", i.Executable)
	}
	return &i, nil
}

func lastLine(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	return ": " + abbreviate(text[strings.LastIndex(text, "\n")+1:])
}

// capped keeps the first 64 KiB of what a command prints; an answer has less
// than one.
type capped struct{ bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	if room := 64<<10 - c.Len(); room > 0 {
		c.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
