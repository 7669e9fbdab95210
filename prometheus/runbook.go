// Package prometheus holds what Prometheus and Alertmanager are given, and the
// runbook of the alerts. The far end of the flow, beside grafana.
package prometheus

import _ "embed" // the runbook

// Runbook says what to do about each alert, in Markdown.
//
//go:embed RUNBOOK.md
var Runbook string
