package expose

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"benchd/daemon/bench"
)

// TestMetricsPage holds the page, of which a part is kept, against what is
// gathered and written in one piece: that is what a name filter gets, here one
// that lets every name pass.
func TestMetricsPage(t *testing.T) {
	e := New(testOptions())
	play(e)
	all := "/metrics?"
	for _, f := range ours(t, e) {
		all += "&name[]=" + f.GetName()
	}
	page := func(target, accept string) []string {
		answer := get(t, e, http.MethodGet, target, "Accept", accept)
		if answer.Code != http.StatusOK {
			t.Fatalf("%.20s: status %d: %s", target, answer.Code, answer.Body)
		}
		var lines []string
		for line := range strings.Lines(answer.Body.String()) {
			if strings.Contains(line, "benchd_") || strings.HasPrefix(line, "# EOF") {
				lines = append(lines, line)
			}
		}
		if openMetrics := strings.HasPrefix(accept, "application/openmetrics-text"); openMetrics != (lines[len(lines)-1] == "# EOF\n") {
			t.Errorf("%s: the last line is %q", accept, lines[len(lines)-1])
		}
		slices.Sort(lines)
		return lines
	}
	for range 3 {
		for _, accept := range []string{"", "text/plain", "text/plain", "application/openmetrics-text;version=1.0.0", ""} {
			if diff := cmp.Diff(page(all, accept), page("/metrics", accept)); diff != "" {
				t.Errorf("%q (-in one piece +page):\n%s", accept, diff)
			}
		}
		// What is kept must not outlive a run.
		e.RunEnded(run(syncKey, bench.OK, fewFigures()), nil)
	}
	few := get(t, e, http.MethodGet, "/metrics?name[]=benchd_runs_total", "Accept", "text/plain").Body.String()
	if !strings.HasPrefix(few, "# HELP benchd_runs_total ") || strings.Contains(few, "benchd_units_total") {
		t.Errorf("by name: %s", few)
	}
}

// TestMetricsPageIsKept wants what is kept to be used, but by scrapers of the
// same format alone.
func TestMetricsPageIsKept(t *testing.T) {
	e := New(testOptions())
	play(e)
	get(t, e, http.MethodGet, "/metrics", "Accept", "text/plain")
	first := e.page.kept
	get(t, e, http.MethodGet, "/metrics", "Accept", "text/plain")
	if e.page.kept != first {
		t.Error("the results were written down again though nothing has changed")
	}
	get(t, e, http.MethodGet, "/metrics", "Accept", protobufType)
	if e.page.kept == first {
		t.Error("another format got what was kept")
	}
}
