package workload

import (
	"maps"
	"time"

	"benchd/workloads/protocol"
)

// Tally collects the result of one worker, without locks. The workers' tallies
// are added up at the end. The zero value is empty.
type Tally struct {
	Items         uint64 // handled, failed ones included
	Units         uint64 // of work done by the items that succeeded
	Checksum      uint64 // sum over the items that succeeded
	Errors        map[string]uint64
	BytesSent     uint64
	BytesReceived uint64
	BytesWritten  uint64
	Latency       *Histogram // nil where items are not timed
}

// maxKinds leaves room below the protocol's bound; the rest counts as "other".
const maxKinds = 30

// Fail counts one failed item.
func (t *Tally) Fail(kind string) { t.fail(kind, 1) }

func (t *Tally) fail(kind string, n uint64) {
	if t.Errors == nil {
		t.Errors = make(map[string]uint64)
	}
	if _, known := t.Errors[kind]; !known && len(t.Errors) >= maxKinds {
		kind = "other"
	}
	t.Errors[kind] += n
}

// Add adds another worker's tally to this one.
func (t *Tally) Add(o *Tally) {
	t.Items += o.Items
	t.Units += o.Units
	t.Checksum += o.Checksum
	t.BytesSent += o.BytesSent
	t.BytesReceived += o.BytesReceived
	t.BytesWritten += o.BytesWritten
	for kind, n := range o.Errors {
		t.fail(kind, n)
	}
	if o.Latency != nil {
		if t.Latency == nil {
			t.Latency = &Histogram{}
		}
		t.Latency.add(o.Latency)
	}
}

func (t *Tally) result(elapsed time.Duration) protocol.Result {
	r := protocol.Result{
		Type:           "result",
		ElapsedSeconds: elapsed.Seconds(),
		Items:          t.Items,
		Units:          t.Units,
		Checksum:       t.Checksum,
		Errors:         maps.Clone(t.Errors),
		BytesSent:      t.BytesSent,
		BytesReceived:  t.BytesReceived,
		BytesWritten:   t.BytesWritten,
	}
	if t.Latency != nil {
		r.Latency = t.Latency.Message()
	}
	return r
}
