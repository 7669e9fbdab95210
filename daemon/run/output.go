package run

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// Bytes kept of what a workload prints: the first, where the cause usually is,
// and the last, where the traceback ends.
const (
	keepHead = 4 << 10
	keepTail = 12 << 10
)

// output keeps the beginning and the end of what is read, however much it is.
type output struct {
	mu         sync.Mutex
	head, tail []byte
	dropped    int64
	from       *os.File
	done       chan struct{}
}

// capture reads f to its end, so that a workload never waits for us to read.
func capture(f *os.File) *output {
	o := &output{from: f, done: make(chan struct{})}
	go func() {
		defer close(o.done)
		defer f.Close()
		_, _ = io.Copy(o, f)
	}()
	return o
}

// Write keeps what is to be kept of p. It never fails.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	rest := p
	if room := keepHead - len(o.head); room > 0 {
		n := min(room, len(rest))
		o.head, rest = append(o.head, rest[:n]...), rest[n:]
	}
	o.tail = append(o.tail, rest...)
	if over := len(o.tail) - keepTail; over > 0 {
		o.dropped += int64(over)
		o.tail = append(o.tail[:0], o.tail[over:]...)
	}
	return len(p), nil
}

// wait waits until all has been read. A process that fled from the supervisor
// could hold the pipe open for ever; the run does not wait for that.
func (o *output) wait() {
	select {
	case <-o.done:
	case <-time.After(time.Second):
		o.from.Close() // which ends the reading
		<-o.done
	}
}

// String is what was kept, as valid UTF-8.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := string(o.head)
	if o.dropped > 0 {
		text += fmt.Sprintf("\n... %d bytes left out ...\n", o.dropped)
	}
	return strings.ToValidUTF8(strings.TrimSpace(text+string(o.tail)), "\uFFFD")
}
