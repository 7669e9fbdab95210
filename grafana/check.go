package grafana

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Check runs every query of every panel, variable and annotation of the
// dashboards against a Prometheus, with the variables as they are when a
// dashboard is opened, and once for each instance and task. It returns what a
// user would see as an error or as "No data", and series that are there twice;
// queries that may return nothing (Query.EmptyWhen) must still be valid. The
// error is that of a Prometheus which does not answer. Range is the time shown.
func Check(ctx context.Context, prometheusURL string, shown time.Duration) ([]string, error) {
	c := checker{url: prometheusURL, now: time.Now(), shown: shown}
	if _, err := c.get(ctx, "/api/v1/query", url.Values{"query": {"vector(1)"}}); err != nil {
		return nil, fmt.Errorf("ask Prometheus at %s: %w", prometheusURL, err)
	}
	for _, d := range Dashboards() {
		c.dashboard(ctx, d, map[string]string{})
	}
	return c.faults, ctx.Err()
}

type checker struct {
	url    string
	now    time.Time
	shown  time.Duration
	faults []string
}

func (c *checker) fault(format string, args ...any) {
	if f := fmt.Sprintf(format, args...); !slices.Contains(c.faults, f) {
		c.faults = append(c.faults, f)
	}
}

// dashboard checks a dashboard with some variables given. Where an instance or
// a task is to be chosen it checks all of them.
func (c *checker) dashboard(ctx context.Context, d Dashboard, given map[string]string) {
	values := map[string]string{"__range": fmt.Sprintf("%.0fs", c.shown.Seconds()), "datasource": "prometheus"}
	for _, v := range d.Templating.List {
		if expr, ok := v.Expression(); ok {
			value, err := c.scalar(ctx, Resolve(expr, values))
			if err != nil {
				c.fault("%s: variable %s: %v", d.UID, v.Name, err)
				return
			}
			values[v.Name] = value
			continue
		}
		series, label, ok := v.LabelValues()
		if !ok {
			continue
		}
		found, err := c.labelValues(ctx, Resolve(series, values), label)
		if err != nil || len(found) == 0 {
			c.fault("%s: variable %s: no values for %s (error: %v)", d.UID, v.Name, Resolve(series, values), err)
			return
		}
		switch value, ok := given[v.Name]; {
		case ok:
			values[v.Name] = value
		case !v.IncludeAll && (v.Name == "task" || v.Name == "instance"):
			for _, one := range found {
				chosen := maps.Clone(given)
				chosen[v.Name] = one
				c.dashboard(ctx, d, chosen)
			}
			return
		case v.IncludeAll && v.AllValue == "":
			values[v.Name] = strings.Join(found, "|")
		case v.IncludeAll:
			values[v.Name] = v.AllValue
		case v.Current != nil && slices.Contains(found, fmt.Sprint(v.Current.Value)):
			values[v.Name] = fmt.Sprint(v.Current.Value)
		default:
			values[v.Name] = found[0]
		}
	}
	for _, q := range Queries(d) {
		step := time.Minute // of annotations
		if q.Interval != "" {
			scrape, err := time.ParseDuration(Resolve(q.Interval, values))
			if err != nil {
				c.fault("%s: %s: least step %q: %v", d.UID, q.Place, q.Interval, err)
				continue
			}
			step = max(scrape, c.shown/200)
			// As Grafana does.
			values["__rate_interval"] = fmt.Sprintf("%.0fs", max(step+scrape, 4*scrape).Seconds())
		}
		values["__interval"] = fmt.Sprintf("%.0fs", step.Seconds())
		expr := Resolve(q.Expr, values)
		series, err := c.series(ctx, expr, q.Instant, step)
		if err != nil {
			c.fault("%s: %s: %v\n\t%s", d.UID, q.Place, err, expr)
		} else if series == 0 && q.EmptyWhen == "" {
			c.fault("%s: %s: no data (%v)\n\t%s", d.UID, q.Place, given, expr)
		}
	}
}

func (c *checker) labelValues(ctx context.Context, series, label string) ([]string, error) {
	data, err := c.get(ctx, "/api/v1/label/"+label+"/values", url.Values{"match[]": {series},
		"start": {unix(c.now.Add(-c.shown))}, "end": {unix(c.now)}})
	if err != nil {
		return nil, err
	}
	var values []string
	return values, json.Unmarshal(data, &values)
}

// scalar is the value of an expression, as it is written.
func (c *checker) scalar(ctx context.Context, expr string) (string, error) {
	data, err := c.get(ctx, "/api/v1/query", url.Values{"query": {expr}, "time": {unix(c.now)}})
	if err != nil {
		return "", err
	}
	var found struct{ Result []any }
	if err := json.Unmarshal(data, &found); err != nil {
		return "", err
	}
	if len(found.Result) != 2 {
		return "", fmt.Errorf("%s is no scalar", expr)
	}
	return fmt.Sprint(found.Result[1]), nil
}

// series counts the series with a value that a query returns.
func (c *checker) series(ctx context.Context, expr string, instant bool, step time.Duration) (int, error) {
	path, args := "/api/v1/query", url.Values{"query": {expr}, "time": {unix(c.now)}}
	if !instant {
		path = "/api/v1/query_range"
		// So that the last step is now: what a rule has recorded first may be from there.
		args = url.Values{"query": {expr}, "start": {unix(c.now.Add(-c.shown.Truncate(step)))}, "end": {unix(c.now)}, "step": {fmt.Sprintf("%.0f", step.Seconds())}}
	}
	data, err := c.get(ctx, path, args)
	if err != nil {
		return 0, err
	}
	var found struct {
		Result []struct {
			Metric map[string]string `json:"metric"`
			Value  []any             `json:"value"`
			Values [][]any           `json:"values"`
		} `json:"result"`
	}
	if err := json.Unmarshal(data, &found); err != nil {
		return 0, err
	}
	n := 0
	for _, s := range found.Result {
		if s.Metric["job"] != "" {
			return 0, fmt.Errorf("it has the scrape's labels: what two jobs scrape would be there twice")
		}
		if slices.ContainsFunc(append(s.Values, s.Value), func(point []any) bool { return len(point) == 2 && point[1] != "NaN" }) {
			n++
		}
	}
	return n, nil
}

func (c *checker) get(ctx context.Context, path string, args url.Values) (json.RawMessage, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path+"?"+args.Encode(), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		Status string          `json:"status"`
		Error  string          `json:"error"`
		Data   json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("%s: %w", response.Status, err)
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s: %s", response.Status, answer.Error)
	}
	return answer.Data, nil
}

func unix(t time.Time) string {
	return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64)
}
