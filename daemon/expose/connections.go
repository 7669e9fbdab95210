package expose

import (
	"net"
	"net/http"
	"sync/atomic"
)

// Connections are bounded, for each takes memory and a descriptor, which the
// measuring of a run needs, too. Those beyond wait to be accepted. When many are
// open, idle ones are closed, so that nobody has to wait for clients that only
// keep theirs.
const (
	maxConnections  = 256
	manyConnections = 128
	maxStreams      = 32 // of a connection of HTTP/2
)

type connections struct {
	open  atomic.Int32
	fresh func() // called before a request is read
}

// changed is http.Server's ConnState.
func (c *connections) changed(conn net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		c.open.Add(1)
		c.fresh() // TLS comes first
	case http.StateActive:
		c.fresh()
	case http.StateIdle:
		if c.open.Load() > manyConnections {
			conn.Close()
		}
	case http.StateClosed, http.StateHijacked:
		c.open.Add(-1)
	}
}
