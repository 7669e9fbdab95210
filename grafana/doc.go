// Package grafana draws benchd's dashboards: the far end of the flow, after
// expose and Prometheus. The JSON in dashboards/ is what Grafana is given; it
// is written from here (go test ./grafana -update) because these dashboards
// share colours, links, variables and ways to compare, which by hand would
// drift apart. A test holds the committed files against this code, another
// one every query against the daemon's exposition, and Check runs all of them
// against a living Prometheus.
//
// The fields are those that both Grafana 9.3 and current ones read. Plain
// structs, and not Grafana's foundation SDK: its Go module cannot be had from
// the module proxy, and follows one version of Grafana at a time.
package grafana

// Dashboards returns all dashboards, the home dashboard first.
func Dashboards() []Dashboard {
	return []Dashboard{home(), task(), experiment(), regressions(), host(), runbook()}
}
