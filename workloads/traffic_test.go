package workloads_test

import (
	"testing"

	"benchd/workloads/protocol"
)

// checkTraffic holds what an IO program says of its requests against itself.
func checkTraffic(t *testing.T, r protocol.Result) {
	t.Helper()
	if len(r.Errors) > 0 {
		t.Errorf("errors: %v", r.Errors)
	}
	if r.BytesWritten != r.BytesReceived || r.BytesReceived <= r.BytesSent {
		t.Errorf("%d bytes sent, %d received, %d written: want all received ones written, and more than were sent, for the answer repeats the request",
			r.BytesSent, r.BytesReceived, r.BytesWritten)
	}
	if r.Latency == nil {
		t.Fatal("no latencies")
	}
	var n uint64
	for _, b := range r.Latency.Buckets {
		n += b.Count
	}
	if n != r.Items {
		t.Errorf("%d latencies of %d requests", n, r.Items)
	}
}
