package grafana_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"benchd/grafana"
	alerts "benchd/prometheus"
)

var update = flag.Bool("update", false, "write dashboards/*.json")

// TestCommitted holds the files that Grafana is given against the code.
func TestCommitted(t *testing.T) {
	var expected []string
	for _, d := range grafana.Dashboards() {
		path := filepath.Join("dashboards", strings.TrimPrefix(d.UID, "benchd-")+".json")
		expected = append(expected, path)
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(d); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		committed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(committed), text.String()); diff != "" {
			t.Errorf("%s is not what the code draws; go test ./grafana -update writes it (-file +code):\n%s", path, diff)
		}
	}
	slices.Sort(expected)
	found, err := filepath.Glob("dashboards/*")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(expected, found); diff != "" {
		t.Errorf("files in dashboards/ (-expected +found):\n%s", diff)
	}
}

func TestIdentity(t *testing.T) {
	uids, titles := map[string]bool{}, map[string]bool{}
	for _, d := range grafana.Dashboards() {
		if uids[d.UID] || titles[d.Title] {
			t.Errorf("%s: uid or title is used twice", d.UID)
		}
		uids[d.UID], titles[d.Title] = true, true
		ids, shown := map[int]bool{}, map[string]bool{}
		for _, p := range d.Panels {
			if p.ID == 0 || ids[p.ID] {
				t.Errorf("%s: panel %q: id %d is 0 or used twice", d.UID, p.Title, p.ID)
			}
			ids[p.ID] = true
			if shown[p.Title] {
				t.Errorf("%s: two panels are called %q", d.UID, p.Title)
			}
			shown[p.Title] = true
		}
	}
	for _, d := range grafana.Dashboards() {
		for _, l := range d.Links {
			uid, _, _ := strings.Cut(strings.TrimPrefix(l.URL, "/d/"), "?")
			if !uids[uid] || !l.KeepTime || l.IncludeVars {
				t.Errorf("%s: link %q leads to no dashboard, drops the time, or carries all variables", d.UID, l.URL)
			}
		}
	}
}

// TestLinksKeep: a link keeps datasource and instance, and no choice of several
// values for a variable that has one.
func TestLinksKeep(t *testing.T) {
	single := map[string]bool{} // dashboard and variable
	variables := map[string]bool{}
	for _, d := range grafana.Dashboards() {
		for _, v := range d.Templating.List {
			single[d.UID+" "+v.Name], variables[d.UID+" "+v.Name] = !v.Multi, true
		}
	}
	url := regexp.MustCompile(`/d/(benchd-[\w-]+)\?([^"]*)`)
	for _, d := range grafana.Dashboards() {
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		plain := strings.ReplaceAll(string(text), `\u0026`, "&")
		found := url.FindAllStringSubmatch(plain, -1)
		if len(found) == 0 {
			t.Errorf("%s has no links", d.UID)
		}
		for _, l := range found {
			for _, want := range []string{"${datasource:queryparam}", "${instance:queryparam}"} {
				if !strings.Contains(l[2], want) {
					t.Errorf("%s: the link %s drops %s", d.UID, l[0], want)
				}
			}
			for _, v := range regexp.MustCompile(`\$\{(\w+):queryparam\}`).FindAllStringSubmatch(l[2], -1) {
				if !variables[l[1]+" "+v[1]] || single[l[1]+" "+v[1]] && !single[d.UID+" "+v[1]] {
					t.Errorf("%s: the link %s fills in %s, which %s does not have, or has one value of", d.UID, l[0], v[1], l[1])
				}
			}
		}
	}
}

// TestOneInstance: all that is shown is of the chosen instance, so that two
// are never mixed, and no panel knows a job's name.
func TestOneInstance(t *testing.T) {
	for _, d := range grafana.Dashboards() {
		for _, v := range d.Templating.List {
			if v.Name == "instance" && (v.Multi || v.IncludeAll) {
				t.Errorf("%s: several instances can be chosen", d.UID)
			}
		}
		for _, q := range grafana.Queries(d) {
			if !strings.Contains(q.Expr, `instance="$instance"`) || strings.Contains(q.Expr, `instance=~`) || strings.Contains(q.Expr, `job="`) {
				t.Errorf("%s: %s is not of the chosen instance alone, or of one job:\n\t%s", d.UID, q.Place, q.Expr)
			}
		}
	}
}

// TestAnnotationsFollowTheStep: what is new is held against one step before;
// against a fixed time before it would be missed between two longer steps.
func TestAnnotationsFollowTheStep(t *testing.T) {
	for _, d := range grafana.Dashboards() {
		for _, a := range d.Annotations.List {
			if !a.UseValueForTime && !strings.Contains(a.Expr, "offset $__interval") || strings.Contains(a.Expr, "changes(") {
				t.Errorf("%s: annotation %s: %s", d.UID, a.Name, a.Expr)
			}
		}
	}
}

// TestDatasourceIsTheDefault: the one of any uid that is Grafana's default.
func TestDatasourceIsTheDefault(t *testing.T) {
	for _, d := range grafana.Dashboards() {
		if v := d.Templating.List[0]; v.Name != "datasource" || v.Current == nil || v.Current.Value != "default" {
			t.Errorf("%s: the first variable is %+v", d.UID, v)
		}
	}
}

// TestRunbook: there is a panel for each alert, and nothing in it leads nowhere.
func TestRunbook(t *testing.T) {
	panels := map[string]string{}
	for _, d := range grafana.Dashboards() {
		if d.UID == "benchd-runbook" {
			for _, p := range d.Panels {
				panels[p.Title], _ = p.Options["content"].(string)
			}
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(alerts.Runbook, -1) {
		if before, _, _ := strings.Cut(alerts.Runbook, m[0]); strings.Contains(before, "\n## Running") {
			continue
		}
		if len(panels[m[1]]) < 100 {
			t.Errorf("%s: the panel says %q", m[1], panels[m[1]])
		}
		if link := regexp.MustCompile(`\]\([^h][^)]*\)`).FindString(panels[m[1]]); link != "" {
			t.Errorf("%s: %s leads nowhere", m[1], link)
		}
	}
}

func TestNoPanelOverlaps(t *testing.T) {
	for _, d := range grafana.Dashboards() {
		for i, p := range d.Panels {
			g := p.GridPos
			if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
				t.Errorf("%s: panel %q lies outside the grid: %+v", d.UID, p.Title, g)
			}
			for _, other := range d.Panels[:i] {
				o := other.GridPos
				if g.X < o.X+o.W && o.X < g.X+g.W && g.Y < o.Y+o.H && o.Y < g.Y+g.H {
					t.Errorf("%s: panels %q and %q overlap", d.UID, p.Title, other.Title)
				}
			}
		}
	}
}

// core are the types of panels that Grafana 9.3 and later have built in.
var core = []string{"row", "text", "stat", "gauge", "bargauge", "table", "timeseries", "barchart", "heatmap", "state-timeline"}

func TestPanels(t *testing.T) {
	for _, d := range grafana.Dashboards() {
		if d.SchemaVersion > 37 {
			t.Errorf("%s: schema version %d is newer than Grafana 9.3", d.UID, d.SchemaVersion)
		}
		for _, p := range d.Panels {
			fault := func(what string) { t.Errorf("%s: panel %q: %s", d.UID, p.Title, what) }
			if !slices.Contains(core, p.Type) {
				fault("type " + p.Type + " is not a core panel")
			}
			if p.Type == "row" || p.Type == "text" {
				continue
			}
			if p.Title == "" || p.Description == "" {
				fault("no title or description")
			}
			if p.FieldConfig.Defaults.Unit == "" || p.FieldConfig.Defaults.Decimals == nil {
				fault("no unit or decimals")
			}
			if len(p.Targets) == 0 {
				fault("no query")
			}
			if p.Datasource.UID != "${datasource}" {
				fault("datasource is not the variable")
			}
			if p.FieldConfig.Defaults.NoValue == "" && !slices.ContainsFunc(p.Targets, func(t grafana.Target) bool { return t.EmptyWhen == "" }) {
				fault("all of it may be empty although all is well, and then it would say no more than No data")
			}
			named := map[string]bool{}
			for _, o := range p.FieldConfig.Overrides {
				if named[o.Matcher.Options] {
					fault("two columns or series are called " + o.Matcher.Options + ": each would look like the other")
				}
				named[o.Matcher.Options] = true
			}
			refIDs := map[string]bool{}
			for _, target := range p.Targets {
				if target.Datasource.UID != "${datasource}" {
					fault("datasource of query " + target.RefID + " is not the variable")
				}
				if refIDs[target.RefID] {
					fault("two queries are called " + target.RefID)
				}
				refIDs[target.RefID] = true
			}
		}
	}
}

// TestVariablesAreDeclared finds a misspelt variable, which Grafana would
// send as it is written.
func TestVariablesAreDeclared(t *testing.T) {
	builtIn := []string{"__range", "__interval", "__rate_interval", "__data", "__url_time_range", "__all"}
	for _, d := range grafana.Dashboards() {
		declared := slices.Clone(builtIn)
		for _, v := range d.Templating.List {
			declared = append(declared, v.Name)
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, used := range variable.FindAllSubmatch(text, -1) {
			if !slices.Contains(declared, string(used[1])) {
				t.Errorf("%s: variable %s is not declared", d.UID, used[1])
			}
		}
	}
}

// TestAlertsLeadHere: alerts link to dashboards with their variables filled in.
func TestAlertsLeadHere(t *testing.T) {
	alerts, err := os.ReadFile("../prometheus/rules/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string][]string{}
	for _, d := range grafana.Dashboards() {
		for _, v := range d.Templating.List {
			variables[d.UID] = append(variables[d.UID], v.Name)
		}
	}
	links := regexp.MustCompile(`/d/([\w-]+)(\?[^'\n]*)?`).FindAllStringSubmatch(string(alerts), -1)
	if len(links) == 0 {
		t.Error("no alert links to a dashboard")
	}
	for _, l := range links {
		if variables[l[1]] == nil {
			t.Errorf("an alert links to %s, which is no dashboard", l[1])
		}
		for _, v := range regexp.MustCompile(`var-(\w+)=`).FindAllStringSubmatch(l[2], -1) {
			if !slices.Contains(variables[l[1]], v[1]) {
				t.Errorf("an alert fills in variable %s, which %s does not have", v[1], l[1])
			}
		}
	}
}
