package expose

import (
	"net/http"
	"strings"
	"testing"

	"benchd/daemon/bench"
)

// What others say is a label's value: it ends no scrape, steers no terminal, and
// is not stored by the megabyte.
func TestLabelsOfOthers(t *testing.T) {
	o := testOptions()
	o.Host.OS = "Latin-1 \xe9tude"
	o.Experiments[0].Title = "\x1b[2J" + strings.Repeat("é", 1<<20)
	e := New(o)
	r := run(asyncioKey, bench.OK, allFigures())
	r.Versions.Client = "evil\u202e\xff"
	r.Figures.Errors = map[string]float64{"reset\u009b": 1}
	e.RunEnded(r, nil)
	answer := get(t, e, "GET", "/metrics")
	body := answer.Body.String()
	if answer.Code != http.StatusOK || len(body) > 1<<20 {
		t.Fatalf("status %d, %d bytes: %.300s", answer.Code, len(body), body)
	}
	for _, want := range []string{`os="Latin-1 \\xe9tude"`, `title="\\u001b[2Jé`, `é…"`, `client="evil\\u202e\\xff"`, `kind="reset\\u009b"`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not there", want)
		}
	}
}
