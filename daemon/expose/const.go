package expose

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"benchd/daemon/terminal"
)

// desc declares a metric whose samples are made as const metrics: a GaugeVec
// would keep, and show as 0, what is not known any more.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// gauge makes a metric that is not touched again.
func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	for i, text := range labels {
		labels[i] = label(text)
	}
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

// maxLabelBytes is far more than what is said in a label needs.
const maxLabelBytes = 1024

// label makes text of others fit to be a label's value. One that is no UTF-8
// would end the whole scrape, and one of a megabyte would be stored with each
// series.
func label(text string) string {
	shown := terminal.Text(text)
	if len(shown) > maxLabelBytes {
		return strings.ToValidUTF8(shown[:maxLabelBytes], "") + "…"
	}
	return shown
}

func appendKnown(ms []prometheus.Metric, d *prometheus.Desc, value *float64) []prometheus.Metric {
	if value == nil {
		return ms
	}
	return append(ms, gauge(d, *value))
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
