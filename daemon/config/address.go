package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

func (p *parser) address(name string) string {
	address := p.get(name)
	host, port, err := net.SplitHostPort(address)
	if err != nil || !isPort(port, 0) || host != "" && !isHost(host) {
		p.fault(name, "host:port with a port of 0 to 65535, such as 127.0.0.1:9911, or :9911 for every network")
	}
	return address
}

// httpURL is the URL without a slash at its end: paths are appended to it.
func (p *parser) httpURL(name string) string {
	text := p.get(name)
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", !isHost(u.Hostname()),
		strings.ContainsAny(text, "?# "), // an empty query or fragment leaves no trace in u
		strings.HasSuffix(u.Host, ":"), u.Port() != "" && !isPort(u.Port(), 1):
		p.fault(name, "a URL with http or https, a host and perhaps a port of 1 to 65535, without blanks, query or fragment, such as http://127.0.0.1:8080")
		return ""
	}
	return strings.TrimRight(u.String(), "/")
}

func isPort(text string, least uint64) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port >= least
}

// hostName is what can be asked for: letters of any language, as browsers
// take them.
var hostName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[\pL\pN_]([\pL\pN_-]*[\pL\pN_])?(\.[\pL\pN_]([\pL\pN_-]*[\pL\pN_])?)*\.?$`)
})

// isHost takes names and addresses, but no numbers that look like an address
// and are none.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return hostName().MatchString(host) && strings.Trim(host, "0123456789.") != ""
}

// shown is the value as it may be printed: a URL without user and password,
// even where it cannot be parsed, and without a query.
func (s *setting) shown() string {
	scheme, rest, found := strings.Cut(s.value, "://")
	switch {
	case found:
		scheme += "://"
	case s.url:
		scheme, rest = "", s.value
	default:
		return s.value
	}
	if at := strings.LastIndex(rest, "@"); at >= 0 {
		rest = "xxxxx" + rest[at:]
	}
	if query := strings.IndexAny(rest, "?#"); query >= 0 {
		rest = rest[:query+1] + "xxxxx"
	}
	return scheme + rest
}
