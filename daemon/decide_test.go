package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDecisionsThatMakeNoSense(t *testing.T) {
	for _, args := range [][]string{
		{"accept"}, {"accept", "seven"}, {"accept", "0"}, {"accept", "-3"},
		{"baseline"}, {"baseline", "pin"}, {"baseline", "pin", "a", "b"}, {"baseline", "list", "all"}, {"baseline", "drop", "a"},
	} {
		if _, err := parseDecision(args); err == nil {
			t.Errorf("%q makes sense", args)
		}
		if got := runCommand(t, nil, args...); got.code != 2 || !strings.Contains(got.stderr, "Usage:") {
			t.Errorf("%q: exit status %d: %s", args, got.code, got.stderr)
		}
	}
}

func TestHelpOfDecisions(t *testing.T) {
	for _, args := range [][]string{{"accept", "-h"}, {"baseline", "--help"}} {
		if got := runCommand(t, nil, args...); got.code != 0 || got.stdout != usage || got.stderr != "" {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

func TestDecisionWithoutDaemon(t *testing.T) {
	dir := t.TempDir()
	got := runCommand(t, []string{"BENCHD_DATA_DIR=" + dir}, "accept", "all")
	want := "benchd: no daemon answers at " + filepath.Join(dir, "benchd.sock") + ": start it, set BENCHD_DATA_DIR to the one that it has, or be a user who may use the file: "
	if got.code != 1 || !strings.HasPrefix(got.stderr, want) {
		t.Errorf("exit status %d: %s", got.code, got.stderr)
	}
}

// What a person decides reaches the daemon through its socket, and comes back
// in words; over the network it takes a user.
func TestDecisions(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, self(t), t.TempDir(), "BENCHD_TASKS=noop", "BENCHD_RUNTIMES=go", "BENCHD_INTERVAL=1s")
	ask := func(args ...string) ended { return runCommand(t, []string{"BENCHD_DATA_DIR=" + d.data}, args...) }
	for _, tt := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"accept all", 0, "No change is open.\n", ""},
		{"accept host", 0, "No change is open that the host is the cause of; /api/v1/changes?open=true has those with another cause.\n", ""},
		{"accept 7 a reason", 1, "", "benchd: there is no change 7: /api/v1/changes?open=true lists those that are open\n"},
		{"baseline list", 0, "No baseline is pinned.\n", ""},
		{"baseline unpin old", 1, "", `benchd: there is no baseline "old": none is pinned` + "\n"},
	} {
		got := ask(strings.Fields(tt.args)...)
		if got.code != tt.code || got.stdout != tt.stdout || got.stderr != tt.stderr {
			t.Errorf("%s: %+v", tt.args, got)
		}
	}
	// The memory of noop is known after 8 clean runs; a busy machine may take long.
	var pinned ended
	d.eventually(t, "has levels that can be pinned", func() bool {
		pinned = ask("baseline", "pin", "before 3.14")
		return pinned.code == 0
	})
	if !strings.HasPrefix(pinned.stdout, `Pinned "before 3.14" with 1 levels; benchd_figure_drift_ratio tells`) {
		t.Errorf("pinned: %+v", pinned)
	}
	if list := ask("baseline", "list"); !strings.HasPrefix(list.stdout, "before 3.14: 1 levels, pinned ") || !strings.HasSuffix(list.stdout, ", in force\n") {
		t.Errorf("list: %+v", list)
	}
	if gone := ask("baseline", "unpin", "before 3.14"); gone.stdout != `Baseline "before 3.14" is forgotten.`+"\n" {
		t.Errorf("unpin: %+v", gone)
	}
	response, err := http.Post(d.url+"/api/v1/changes/accept", "application/json", strings.NewReader(`{"all": true}`))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("accepted from whoever asks: %s", response.Status)
	}
	info, err := os.Stat(filepath.Join(d.data, "benchd.sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket is %v, %v", info.Mode(), err)
	}
	d.end(t)
}

// An answer that says two things, or is another's, is not printed as one of them.
func TestStrangeAnswers(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"", "[]", `{"changes":[{"id":1,"id":2,"sentence":"s"}]}`, `{"changes":[],"changes":[{"id":2}]}`, "{\"changes\":[{\"id\":1,\"sentence\":\"\xff\"}]}",
		`{"changes":[{"id":1.5}]}`, `{"changes":[{"id":"1"}]}`, `{"changes":[]}{}`, `{"changes":{}}`,
	} {
		var printed strings.Builder
		err := printAccepted(&printed, []byte(answer), "No change is open.")
		if err == nil || !strings.HasPrefix(err.Error(), "read the daemon's answer: is it of the same version as this command? ") || printed.Len() > 0 {
			t.Errorf("%s: %v, printed %q", answer, err, printed.String())
		}
	}
}
