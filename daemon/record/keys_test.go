package record

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"benchd/daemon/bench"
)

// What can be asked for are all experiments that were ever recorded.
func TestKeys(t *testing.T) {
	s := open(t, t.TempDir())
	if keys, err := s.Keys(t.Context()); err != nil || len(keys) > 0 {
		t.Errorf("of an empty history: %v, %v", keys, err)
	}
	var want []bench.Key
	for _, model := range []string{"asyncio+threads", "sync"} {
		key := bench.Key{Task: "io-bound", Runtime: "cpython-3.13", Model: model, Concurrency: 10}
		want = append(want, key)
		for range 2 {
			if err := s.Record(t.Context(), &bench.Run{Key: key, Outcome: bench.OK}); err != nil {
				t.Fatal(err)
			}
		}
	}
	keys, err := s.Keys(t.Context())
	slices.SortFunc(keys, bench.Key.Compare)
	if diff := cmp.Diff(want, keys); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
