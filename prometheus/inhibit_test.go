package prometheus_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// matchers are those of Alertmanager's configuration: name, operator, value.
var matchers = regexp.MustCompile(`^\s*(\w+)\s*(=~|!~|!=|=)\s*"?(.*?)"?\s*$`)

// inhibition is a rule of Alertmanager's configuration.
type inhibition struct {
	Sources []string `yaml:"source_matchers"`
	Targets []string `yaml:"target_matchers"`
	Equal   []string
}

// inhibits reports whether the first alert silences the second, as
// Alertmanager documents it: all matchers hold, and the labels that must be
// equal are, those that both lack included; no alert silences itself.
func (i inhibition) inhibits(t *testing.T, source, target map[string]string) bool {
	t.Helper()
	if matchAll(t, i.Sources, target) && matchAll(t, i.Targets, source) {
		return false // each would silence the other
	}
	return matchAll(t, i.Sources, source) && matchAll(t, i.Targets, target) &&
		!slices.ContainsFunc(i.Equal, func(label string) bool { return source[label] != target[label] })
}

func matchAll(t *testing.T, list []string, labels map[string]string) bool {
	t.Helper()
	return !slices.ContainsFunc(list, func(text string) bool {
		m := matchers.FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("matcher %q cannot be read", text)
		}
		value := labels[m[1]]
		equal := value == m[3]
		if strings.HasSuffix(m[2], "~") {
			equal = regexp.MustCompile("^(?:" + m[3] + ")$").MatchString(value)
		}
		return equal == strings.HasPrefix(m[2], "!")
	})
}

// TestInhibition holds which alert silences which. Only TestStack asks a real
// Alertmanager; this one reads its rules as it would, for all of them.
func TestInhibition(t *testing.T) {
	var config struct {
		Rules []inhibition `yaml:"inhibit_rules"`
	}
	parse(t, "alertmanager.yml", &config)
	known := map[string]bool{}
	for _, a := range alerts(t) {
		known[a.Alert] = true
	}
	for source, targets := range map[string][]string{
		"BenchdHTTPBinDown": {"BenchdExperimentFailing", "BenchdRequestErrors", "BenchdHTTPBinBottleneck"},
		"BenchdHostNoisy":   {"BenchdCycleOverrun", "BenchdHTTPBinBottleneck", "BenchdDetectorBlind"},
		"BenchdHostChanged": {"BenchdRegression", "BenchdDrift", "BenchdDetectorBlind"},
		"BenchdDiskFilling": nil, // a warning hides nothing that is critical
		"BenchdRegression":  nil,
	} {
		for target := range known {
			from := map[string]string{"alertname": source, "instance": "b", "severity": "warning"}
			to := map[string]string{"alertname": target, "instance": "b", "severity": "critical", "task": "io", "httpbin": "true"}
			silences := func() bool {
				return slices.ContainsFunc(config.Rules, func(i inhibition) bool { return i.inhibits(t, from, to) })
			}
			if want := slices.Contains(targets, target); silences() != want {
				t.Errorf("%s silences %s: %v, want %v", source, target, !want, want)
			}
			// What a change of the host silences it can have caused.
			for figure, ofHost := range map[string]bool{"time": true, "cpu": true, "latency_p99": true, "memory": false, "time_by_baseline": false} {
				to["figure"] = figure
				want := slices.Contains(targets, target) && (ofHost || source != "BenchdHostChanged")
				if silences() != want {
					t.Errorf("%s silences %s of %s: %v, want %v", source, target, figure, !want, want)
				}
			}
			delete(to, "figure")
			to["instance"] = "another"
			if silences() {
				t.Errorf("%s silences %s of another instance", source, target)
			}
		}
		if !known[source] {
			t.Errorf("there is no alert %s", source)
		}
		for _, target := range targets {
			if !known[target] {
				t.Errorf("there is no alert %s", target)
			}
		}
	}
}
