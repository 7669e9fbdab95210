package run

import (
	"errors"
	"testing"
	"testing/synctest"
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
