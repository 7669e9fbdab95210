package expose

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// onlyHere refuses requests that name another machine than this one.
//
// A daemon that listens on the loopback alone is for those who are on the
// machine. But a page of anybody's in their browser may have its name resolve to
// 127.0.0.1, and then reads whatever answers there: the browser takes it for the
// page's own server. It sends the page's name as Host, though. What users and
// TLS protect needs no such check: such a page has neither password nor
// certificate. Nor does an address of the network, which everybody there may ask
// by whatever name.
func (e *Exposer) onlyHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil && !e.options.Web.hasUsers() && !e.isHere(r.Host) {
			e.refuse(w, r, http.StatusForbidden, "the Host header names another machine: ask for localhost, let your proxy send Host: localhost, or give users in BENCHD_WEB_CONFIG_FILE")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// isHere reports whether a Host header names this machine as one on it does.
func (e *Exposer) isHere(header string) bool {
	host := hostOf(header)
	address, err := netip.ParseAddr(host)
	switch {
	case host == "": // no browser leaves it out
		return true
	case err == nil && address.Unmap().IsLoopback():
		return true
	case host == "localhost" || strings.HasSuffix(host, ".localhost"): // no name server is asked for these
		return true
	}
	return host == hostOf(e.options.ListenAddress)
}

// hostOf is the host of host:port, the port being optional.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
