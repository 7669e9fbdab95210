package grafana_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"benchd/grafana"
)

// TestCheck: a Prometheus that knows labels but has no series fails every
// query that must return something, those alone, and each once.
func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name  string
		point []any
		empty bool
	}{
		{"data", []any{1767355200, "1"}, false},
		{"nothing but NaN", []any{1767355200, "NaN"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var data any = map[string]any{"result": []any{map[string]any{"value": test.point, "values": [][]any{test.point}}}}
				if strings.HasSuffix(r.URL.Path, "/values") {
					data = []string{"one"}
				}
				if strings.HasPrefix(r.FormValue("query"), "scalar(") {
					data = map[string]any{"result": []any{1767355200, "300"}}
				}
				if strings.Contains(r.FormValue("query"), "$") {
					t.Errorf("a variable was left in %s", r.FormValue("query"))
				}
				_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": data})
			}))
			defer prometheus.Close()
			faults, err := grafana.Check(t.Context(), prometheus.URL, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			expected := 0
			for _, d := range grafana.Dashboards() {
				for _, q := range grafana.Queries(d) {
					if test.empty && q.EmptyWhen == "" {
						expected++
					}
				}
			}
			if len(faults) != expected {
				t.Errorf("%d faults, expected %d:\n%s", len(faults), expected, strings.Join(faults, "\n"))
			}
		})
	}
}

// TestCheckFindsWhatIsTwice: a result with the scrape's labels would be there
// once for each job.
func TestCheckFindsWhatIsTwice(t *testing.T) {
	prometheus := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		point := []any{1767355200, "1"}
		var data any = map[string]any{"result": []any{map[string]any{"metric": map[string]string{"job": "benchd"}, "value": point, "values": [][]any{point}}}}
		if strings.HasSuffix(r.URL.Path, "/values") {
			data = []string{"one"}
		}
		if strings.HasPrefix(r.FormValue("query"), "scalar(") {
			data = map[string]any{"result": []any{1767355200, "300"}}
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": data})
	}))
	defer prometheus.Close()
	faults, err := grafana.Check(t.Context(), prometheus.URL, time.Hour)
	if err != nil || len(faults) == 0 || !strings.Contains(faults[0], "would be there twice") {
		t.Errorf("faults %.200q (%v)", faults, err)
	}
}

func TestCheckWithoutPrometheus(t *testing.T) {
	prometheus := httptest.NewServer(http.NotFoundHandler())
	prometheus.Close()
	if faults, err := grafana.Check(t.Context(), prometheus.URL, time.Hour); err == nil {
		t.Errorf("no error, faults %v", faults)
	}
}

func TestResolve(t *testing.T) {
	values := map[string]string{"task": "io-bound", "task_unit": "requests", "__range": "1h"}
	for text, expected := range map[string]string{
		`{task="$task"}[$__range]`:         `{task="io-bound"}[1h]`,
		`${task}, ${task:percentencode}`:   `io-bound, io-bound`,
		`$task_unit of $task, $taskunit`:   `requests of io-bound, $taskunit`,
		`no variable: {{task}} task $ {a}`: `no variable: {{task}} task $ {a}`,
	} {
		if got := grafana.Resolve(text, values); got != expected {
			t.Errorf("Resolve(%q) = %q, expected %q", text, got, expected)
		}
	}
}
