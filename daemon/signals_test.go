package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSignals wants the end with a word where it is asked for, and no end where
// it is not.
func TestSignals(t *testing.T) {
	t.Parallel()
	for _, ends := range []struct {
		signal syscall.Signal
		code   int
		said   string
	}{
		{syscall.SIGINT, 0, `msg="benchd ends" cause="signal: interrupt"`},
		{syscall.SIGTERM, 0, `msg="benchd ends" cause="signal: terminated"`},
		{syscall.SIGHUP, 0, `msg="benchd ends" cause="signal: hangup"`},
		{syscall.SIGQUIT, 2, "SIGQUIT: quit"},
	} {
		t.Run(ends.signal.String(), func(t *testing.T) {
			t.Parallel()
			d := startDaemon(t, self(t), t.TempDir(), "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go")
			for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGPIPE,
				syscall.SIGWINCH, syscall.SIGURG, syscall.SIGXCPU, syscall.SIGIO, syscall.SIGCONT} {
				if err := d.cmd.Process.Signal(s); err != nil {
					t.Fatal(err)
				}
			}
			d.awaitCycles(t, 1)
			if code, _ := d.signal(t, ends.signal); code != ends.code || !strings.Contains(d.log.String(), ends.said) {
				t.Errorf("exit status %d, want %d and %s in\n%s", code, ends.code, ends.said, d.log)
			}
		})
	}
}

func TestASignalThatComesTwiceIsOne(t *testing.T) {
	for _, tt := range []struct {
		further syscall.Signal
		after   time.Duration
		want    bool
	}{
		{syscall.SIGTERM, time.Millisecond, false}, // timeout(1)
		{syscall.SIGTERM, time.Second, true},       // a person
		{syscall.SIGINT, time.Millisecond, true},
	} {
		if got := isFurther(syscall.SIGTERM, tt.further, tt.after); got != tt.want {
			t.Errorf("%v after %v: %v", tt.further, tt.after, got)
		}
	}
}

// started is a script that starts benchd, as a shell or nohup does.
func started(t *testing.T, how string) string {
	t.Helper()
	script := filepath.Join(t.TempDir(), "start")
	if err := os.WriteFile(script, fmt.Appendf(nil, "#!/bin/sh\n"+how+"\n", self(t)), 0o700); err != nil {
		t.Fatal(err)
	}
	return script
}

// TestIgnoredSignalsStayIgnored starts benchd as nohup and a shell's & do.
func TestIgnoredSignalsStayIgnored(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, started(t, "trap '' HUP INT\nexec %s"), t.TempDir(), "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go", "BENCHD_INTERVAL=1s")
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT} {
		if err := d.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	d.awaitCycles(t, 2)
	d.end(t)
}

// TestLostLog wants measuring to go on when nobody reads the log any more, and
// in the httpbin's process too.
func TestLostLog(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{log: &logged{}, exited: make(chan struct{})}
	d.cmd = command(t, self(t), []string{"BENCHD_DATA_DIR=" + t.TempDir(), "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go", "BENCHD_INTERVAL=1s"})
	d.cmd.Stdout, d.cmd.Stderr = write, write
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	go func() {
		_ = d.cmd.Wait()
		close(d.exited)
	}()
	t.Cleanup(func() {
		_ = d.cmd.Process.Kill()
		<-d.exited
	})
	listens := regexp.MustCompile(` listen=(\S+)`)
	for lines := bufio.NewScanner(read); d.url == "" && lines.Scan(); {
		if found := listens.FindStringSubmatch(lines.Text()); found != nil {
			d.url = "http://" + found[1]
		}
	}
	read.Close()
	d.awaitCycles(t, 2) // which log something each
	d.end(t)
}

// TestClosedOutput starts benchd with its standard output and error closed.
func TestClosedOutput(t *testing.T) {
	t.Parallel()
	e := runCommand(t, []string{"BENCHD_DATA_DIR=" + t.TempDir()}, "version")
	if e.code != 0 {
		t.Fatalf("exit status %d: %s", e.code, e.stderr)
	}
	cmd := command(t, started(t, `exec %s "$@" >&- 2>&-`), []string{"BENCHD_DATA_DIR=" + t.TempDir(), "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go"}, "once")
	if err := cmd.Run(); err != nil {
		t.Errorf("once with closed output: %v", err)
	}
}

// TestFullOutput wants no command to claim that it has printed what it could not.
func TestFullOutput(t *testing.T) {
	t.Parallel()
	series := filepath.Join(t.TempDir(), "series")
	if err := os.WriteFile(series, []byte("1\n2\n3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := startDaemon(t, self(t), t.TempDir(), "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go")
	for _, args := range [][]string{
		{"version"}, {"help"}, {"list"}, {"config"}, {"once"}, {"detect", series}, {"detect", "-json", series}, {"detect", "-h"},
		{"accept", "all"}, {"accept", "-h"}, {"baseline", "list"},
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		data := d.data
		if args[0] == "once" {
			data = t.TempDir()
		}
		var said logged
		cmd := command(t, self(t), []string{"BENCHD_DATA_DIR=" + data, "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go"}, args...)
		cmd.Stdout, cmd.Stderr = full, &said
		_ = cmd.Run() // the exit status is looked at
		full.Close()
		const want = "benchd: not all of the output could be written: write /dev/stdout: no space left on device\n"
		if code := cmd.ProcessState.ExitCode(); code != statusFailed || !strings.HasSuffix(said.String(), want) {
			t.Errorf("%v: exit status %d, want %d and at the end of stderr\n%s\nnot\n%s", args, code, statusFailed, want, &said)
		}
	}
	d.end(t)
}

// TestStatusOfOnce wants scripts to see whether runs failed.
func TestStatusOfOnce(t *testing.T) {
	t.Parallel()
	for models, want := range map[string]struct {
		code int
		said string
	}{
		"fine":             {0, ""},
		"fine,fails,wrong": {statusSome, "benchd: not all runs were ok: 2 of 3 were not, the column state and the log say why\n"},
		"fails,wrong":      {statusFailed, "benchd: none of the 2 runs was ok: the log says why\n"},
	} {
		t.Run(models, func(t *testing.T) {
			t.Parallel()
			e := runCommand(t, []string{"BENCHD_DATA_DIR=" + t.TempDir(), "BENCHD_WORKLOADS_DIR=testdata/tasks",
				"BENCHD_TASKS=unruly", "BENCHD_MODELS=" + models}, "once")
			if e.code != want.code || !strings.HasSuffix(e.stderr, want.said) || !strings.Contains(e.stdout, "| unruly |") {
				t.Errorf("exit status %d, want %d and at the end of stderr\n%s\nnot\n%s\nstdout:\n%s", e.code, want.code, want.said, e.stderr, e.stdout)
			}
		})
	}
}
