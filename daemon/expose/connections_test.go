package expose

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Clients that keep connections, send half a header, or a header without an end
// keep nobody else out for good.
func TestConnectionsOfIdlersAreClosed(t *testing.T) {
	s := serve(t, New(testOptions()))
	open := make([]net.Conn, 0, maxConnections)
	t.Cleanup(func() {
		for _, c := range open {
			c.Close()
		}
	})
	closed := 0
	for range maxConnections + 40 {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
		fmt.Fprint(c, "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n")
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("connection %d: %v", len(open), err)
		}
		closeBody(t, answer)
	}
	for _, c := range open {
		_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); err == io.EOF { //nolint:errorlint // a connection's own
			closed++
		}
	}
	if kept := len(open) - closed; kept > manyConnections+40 {
		t.Errorf("%d idle connections are kept, want about %d", kept, manyConnections)
	}
	s.end(t)
}

// What is too large is refused before it is in memory.
func TestRequestsThatAreTooLarge(t *testing.T) {
	s := serve(t, New(testOptions()))
	for name, request := range map[string]string{
		"headers": "GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"address": "GET /api/v1/runs?model=" + strings.Repeat("x", 1<<20) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
	} {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		go io.WriteString(c, request) //nolint:errcheck // it is not read to its end
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %s", name, answer.Status)
		}
		answer.Body.Close()
		c.Close()
	}
	// Of a body of a gigabyte nothing is read where none is wanted.
	for _, target := range []string{"/api/v1/runs", "/api/v1/changes/accept", "/metrics"} {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n\r\n", target)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", target, err)
		}
		if answer.StatusCode != http.StatusMethodNotAllowed && answer.StatusCode != http.StatusForbidden || !answer.Close {
			t.Errorf("%s: %s, connection closed: %v", target, answer.Status, answer.Close)
		}
		answer.Body.Close()
		c.Close()
	}
	s.end(t)
}
