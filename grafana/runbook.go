package grafana

import (
	"regexp"
	"strings"

	alerts "benchd/prometheus"
)

// relative links lead nowhere outside of the repository.
var relative = regexp.MustCompile(`\[([^\]]+)\]\((?:[^h)]|h[^t)])[^)]*\)`)

// runbook says what to do about each alert, one panel for each. The links of
// alerts lead to its panels, for the repository may not be at hand where an
// alert is read.
func runbook() Dashboard {
	_, sections, _ := strings.Cut(alerts.Runbook, "\n## Alerts\n")
	sections, _, _ = strings.Cut(sections, "\n## ")
	lines := []line{beside(3, text("What to do about an alert", "Commands are those of the stack of `compose.yaml`, typed in the repository's folder; `localhost:9911` is benchd."))}
	for section := range strings.SplitSeq(sections, "\n### ") {
		if alert, what, ok := strings.Cut(section, "\n"); ok && alert != "" {
			lines = append(lines, beside(3+strings.Count(what, "\n"), text(alert, relative.ReplaceAllString(strings.TrimSpace(what), "$1"))))
		}
	}
	return frame("benchd-runbook", "benchd: runbook", "What should be done about an alert?", nil, section("", lines...))
}
