package run

import (
	"errors"
	"testing"
	"testing/synctest"

	"benchd/daemon/bench"
	"benchd/workloads/protocol"
)

// The end of a workload is told once. It may come before a message that was
// written earlier, and must then not be taken for the end of the supervisor.
func TestEndThatComesBeforeTheResult(t *testing.T) {
	for name, next := range map[string]func(*talk) error{
		"awaitExit":  (*talk).awaitExit,
		"closedGate": func(t *talk) error { return t.closedGate(errors.New("broken pipe")) },
		"await":      func(t *talk) error { _, err := t.await("more"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				over, messages := make(chan ended, 1), make(chan message)
				over <- ended{Code: 9}
				close(over)
				go func() {
					synctest.Wait() // until the end has been read
					messages <- message{}
					close(messages)
				}()
				told := &talk{ctx: t.Context(), child: &child{messages: messages, ended: over}}
				if _, err := told.await("its result"); err != nil {
					t.Fatal(err)
				}
				if err := next(told); err != nil && !errors.Is(err, errExited) {
					t.Error(err)
				}
				if told.exit == nil || told.exit.Code != 9 {
					t.Errorf("exit is %+v, want status 9", told.exit)
				}
			})
		})
	}
}

// A further message is refused also when the end of the workload is told first.
func TestMessageAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over, messages := make(chan ended, 1), make(chan message)
		over <- ended{}
		close(over)
		go func() {
			synctest.Wait() // until the end has been read
			messages <- message{line: []byte("more")}
			close(messages)
		}()
		told := &talk{ctx: t.Context(), child: &child{messages: messages, ended: over}}
		var malformed protocolError
		if err := told.awaitExit(); !errors.As(err, &malformed) {
			t.Errorf("got %v, want a protocol error", err)
		}
	})
}

// What failed is left out of units and checksum. The reason must name the
// figure that is wrong.
func TestUnexpectedResult(t *testing.T) {
	const wrong = ": not the same input, or not all of it"
	one := bench.Expected{Items: 10, Units: 10, Checksum: 7}    // unit an item
	many := bench.Expected{Items: 10, Units: 1000, Checksum: 7} // bytes
	none := bench.Expected{Items: 10}
	for _, test := range []struct {
		name                           string
		want                           bench.Expected
		items, units, checksum, failed uint64
		outcome                        bench.Outcome
		reason                         string
	}{
		{"right", one, 10, 10, 7, 0, bench.OK, ""},
		{"nothing to be done", none, 10, 0, 0, 0, bench.OK, ""},
		{"items", one, 11, 10, 7, 0, bench.WrongResult, "items: 11, expected 10" + wrong},
		{"units", one, 10, 9, 7, 0, bench.WrongResult, "things: 9, expected 10" + wrong},
		{"checksum", one, 10, 10, 8, 0, bench.WrongResult, "checksum: 8, expected 7" + wrong},
		{"some failed", one, 10, 7, 5, 3, bench.OK, ""},
		{"some failed, of bytes", many, 10, 1, 5, 3, bench.OK, ""},
		{"units: too many", one, 10, 20, 7, 1, bench.WrongResult, "things: 20, expected 9, as 1 of 10 items failed" + wrong},
		{"units: those that failed, too", one, 10, 10, 7, 1, bench.WrongResult, "things: 10, expected 9, as 1 of 10 items failed" + wrong},
		{"units: too few", one, 10, 6, 5, 3, bench.WrongResult, "things: 6, expected 7, as 3 of 10 items failed" + wrong},
		{"bytes: too many", many, 10, 1001, 5, 3, bench.WrongResult, "things: 1001, expected at most 1000, as 3 of 10 items failed" + wrong},
		{"checksum: too large", one, 10, 7, 8, 3, bench.WrongResult, "checksum: 8, expected at most 7, as 3 of 10 items failed" + wrong},
		{"all failed", one, 10, 0, 0, 10, bench.Failed, "all 10 items failed (timeout): is the httpbin up?"},
		{"all failed, with units", many, 10, 5, 0, 10, bench.WrongResult, "things: 5, expected 0, as 10 of 10 items failed" + wrong},
		{"all failed, with a checksum", one, 10, 0, 7, 10, bench.WrongResult, "checksum: 7, expected 0, as 10 of 10 items failed" + wrong},
		{"no bytes", many, 10, 0, 0, 3, bench.Failed, "no things, as 3 of 10 items failed (timeout): see its output"},
	} {
		t.Run(test.name, func(t *testing.T) {
			result := &protocol.Result{Items: test.items, Units: test.units, Checksum: test.checksum}
			if test.failed > 0 {
				result.Errors = map[string]uint64{"timeout": test.failed}
			}
			got := compare(bench.Experiment{Unit: "things", Expected: test.want}, &talk{result: result})
			if got.outcome != test.outcome || got.reason != test.reason {
				t.Errorf("got %s: %s\nwant %s: %s", got.outcome, got.reason, test.outcome, test.reason)
			}
		})
	}
}
