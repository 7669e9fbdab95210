package expose

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// desc declares a metric whose samples are made as const metrics: a GaugeVec
// would keep, and show as 0, what is not known any more.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// gauge makes a metric that is not touched again.
func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func appendKnown(ms []prometheus.Metric, d *prometheus.Desc, value *float64) []prometheus.Metric {
	if value == nil {
		return ms
	}
	return append(ms, gauge(d, *value))
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
