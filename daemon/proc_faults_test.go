//go:build faults

package main

import (
	"strings"
	"syscall"
	"testing"
)

// TestFaultHiddenProc starts benchd where /proc hides what is not of a process
// of its own, as systemd's ProcSubset= and ProtectProc= have it.
func TestFaultHiddenProc(t *testing.T) {
	t.Parallel()
	for _, options := range []string{"subset=pid", "hidepid=2", "subset=pid,hidepid=2"} {
		t.Run(options, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, "/bin/sh", []string{"BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go", "BENCHD_DATA_DIR=" + t.TempDir()},
				"-c", `mount -t proc -o `+options+` proc /proc && exec "$0" once`, self(t))
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "1 of 1 runs") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
