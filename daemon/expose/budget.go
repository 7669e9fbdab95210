package expose

import (
	"context"
	"net/http"
	"time"
)

// budget bounds what answering costs the machine that is being measured: memory,
// by how many answers are under way at once, and CPU time. One at a time works,
// so that all of them take one core at most; while a run is measured they take
// but a share of that. To answer nobody during a run was rejected: where cycle
// follows cycle, the API would never answer.
type budget struct {
	under   chan struct{} // as many as may be under way
	working chan struct{} // one
	share   int           // during a run they work one in so many parts of the time
	running func() bool   // a run is being measured
	due     time.Time     // when the next may work during a run; guarded by working
}

// Answers of the API hold a piece each, some 10 MB together; scrapes share what
// they send. What is worked is wall time, which on a busy machine is mostly
// waiting for a core: half a core is the least that leaves a scraper that comes
// every 20 ms unhindered there.
const (
	answersAtOnce = 16
	answersShare  = 20
	scrapesAtOnce = 32
	scrapesShare  = 2
)

// maxPause ends a pause that is long because the work waited for something else
// than the CPU.
const maxPause = time.Second

func newBudget(atOnce, share int, running func() bool) *budget {
	return &budget{under: make(chan struct{}, atOnce), working: make(chan struct{}, 1), share: share, running: running}
}

// admit turns away what is more than may be under way at once.
func (b *budget) admit(next http.Handler, refuse func(http.ResponseWriter, *http.Request, int, string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case b.under <- struct{}{}:
			defer func() { <-b.under }()
			next.ServeHTTP(w, r)
		default:
			w.Header().Set("Retry-After", "1")
			refuse(w, r, http.StatusServiceUnavailable, "too many requests are being answered: try again in a second, and read the answers that you ask for")
		}
	})
}

// work does one piece of work when it is its turn. Sending to a client is none:
// it may take its time.
func (b *budget) work(ctx context.Context, do func() error) error {
	select {
	case b.working <- struct{}{}:
		defer func() { <-b.working }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if b.running() {
		select {
		case <-time.After(time.Until(b.due)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	began := time.Now()
	err := do()
	took := time.Since(began)
	b.due = began.Add(took + min(took*time.Duration(b.share-1), maxPause))
	return err
}
