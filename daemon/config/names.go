package config

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// unknown refuses the variables of the environment that bear the prefix but
// mean nothing: they were meant to change something. Names in small letters
// bear it too. Those that Kubernetes sets for its Services are none of ours.
func unknown(environ []string, settings []setting) (links []string, faults []error) {
	values := map[string]string{}
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		meant := strings.ReplaceAll(strings.ToUpper(name), "-", "_")
		known := func(s setting) bool { return s.name == name }
		if strings.HasPrefix(meant, prefix+"_") && !slices.ContainsFunc(settings, known) {
			values[name] = value
		}
	}
	links = serviceLinks(values)
	for _, name := range links {
		delete(values, name)
	}
	for name := range values {
		advice := "`benchd config` lists those there are"
		if near := nearest(strings.ReplaceAll(strings.ToUpper(name), "-", "_"), settings); near != "" {
			advice = "did you mean " + near + "?"
		}
		faults = append(faults, fmt.Errorf("%s is no variable of benchd: %s", name, advice))
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return links, faults
}

// serviceLinks are the names of the variables that Kubernetes has set for a
// Service, in order. It sets them all or none, so each must fit the Service's
// address: a misspelt variable of a person does not.
//
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
func serviceLinks(values map[string]string) []string {
	var links []string
	for host, address := range values {
		service, isHost := strings.CutSuffix(host, "_SERVICE_HOST")
		ip, err := netip.ParseAddr(address)
		if !isHost || err != nil {
			continue
		}
		inURL := ip.String()
		if ip.Is6() {
			inURL = "[" + inURL + "]"
		}
		const port = `[1-9][0-9]{0,4}`
		link := regexp.MustCompile(`^` + regexp.QuoteMeta(service) + `_(` +
			`SERVICE_HOST=` + regexp.QuoteMeta(address) +
			`|SERVICE_PORT(_[A-Z0-9_]+)?=` + port +
			`|PORT(_` + port + `_(TCP|UDP|SCTP))?=(tcp|udp|sctp)://` + regexp.QuoteMeta(inURL) + `:` + port +
			`|PORT_` + port + `_(TCP|UDP|SCTP)_(PROTO=(tcp|udp|sctp)|PORT=` + port + `|ADDR=` + regexp.QuoteMeta(address) + `))$`)
		for name, value := range values {
			if link.MatchString(name + "=" + value) {
				links = append(links, name)
			}
		}
	}
	slices.Sort(links)
	return slices.Compact(links)
}

// nearest is the variable that few edits turn name into, "" if none. More than
// a third of its letters, and another word was meant: PORT is not PPROF.
func nearest(name string, settings []setting) string {
	best, near := 1+min(3, max(1, (len(name)-len(prefix+"_"))/3)), ""
	for _, s := range settings {
		if d := distance(name, s.name); d < best {
			best, near = d, s.name
		}
	}
	return near
}

// distance is Levenshtein's: the least number of bytes to insert, delete or
// replace that turns a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(row[j+1]+1, row[j]+1, replace)
		}
	}
	return row[len(b)]
}
