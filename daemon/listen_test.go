package main

import (
	"net"
	"strings"
	"testing"
)

// TestListenAdvice wants what is said to be of help: what serves there can be
// ended only where something does.
func TestListenAdvice(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for address, want := range map[string]string{
		taken.Addr().String():  "end what serves there, perhaps another benchd, or choose another address",
		"192.0.2.1:9911":       "choose an address that this machine has, such as 127.0.0.1:9911",
		"no-such.invalid:9911": "choose a name that is known here, or an address such as 127.0.0.1:9911",
	} {
		e := runCommand(t, []string{"BENCHD_LISTEN_ADDRESS=" + address, "BENCHD_DATA_DIR=" + t.TempDir()})
		if e.code != statusFailed || !strings.HasPrefix(e.stderr, "benchd: BENCHD_LISTEN_ADDRESS: listen tcp") || !strings.HasSuffix(e.stderr, ": "+want+"\n") {
			t.Errorf("%s: exit status %d, stderr\n%s\nwant at its end\n%s", address, e.code, e.stderr, want)
		}
	}
}
