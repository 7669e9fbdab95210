package iobound

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"time"
)

// connection is the transport of one thread: a connection of its own, written
// to and read from by the thread itself. http.Transport has two goroutines for
// each connection, and to hand a request to them and back costs a locked
// goroutine several switches of the operating system's threads: half of the
// requests a second, without delay.
type connection struct {
	conn   net.Conn // nil before the first request, and after a failure
	reader *bufio.Reader
	writer *bufio.Writer
}

// RoundTrip wants the body of each answer read and closed before the next
// request, as Worker does.
func (c *connection) RoundTrip(request *http.Request) (*http.Response, error) {
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", hostPort(request), requestTimeout)
		if err != nil {
			return nil, err
		}
		c.conn = conn
		c.reader = bufio.NewReaderSize(conn, 8<<10)
		c.writer = bufio.NewWriter(conn)
	}
	response, err := c.exchange(request)
	if err != nil {
		c.CloseIdleConnections()
		return nil, err
	}
	return response, nil
}

func (c *connection) exchange(request *http.Request) (*http.Response, error) {
	if err := c.conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		return nil, err
	}
	if err := request.Write(c.writer); err != nil {
		return nil, err
	}
	if err := c.writer.Flush(); err != nil {
		return nil, err
	}
	response, err := http.ReadResponse(c.reader, request)
	if err != nil {
		return nil, err
	}
	response.Body = &answer{ReadCloser: response.Body, connection: c, last: response.Close}
	return response, nil
}

// answer is a body that gives up its connection when that cannot be used again.
type answer struct {
	io.ReadCloser
	connection *connection
	last       bool // the server closes the connection after it
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		a.last = true
	}
	return n, err
}

func (a *answer) Close() error {
	err := a.ReadCloser.Close() // reads what is left
	if err != nil || a.last {
		a.connection.CloseIdleConnections()
	}
	return err
}

// CloseIdleConnections is what http.Client calls by that name.
func (c *connection) CloseIdleConnections() {
	if c.conn != nil {
		_ = c.conn.Close() // nothing is left to be sent
		c.conn = nil
	}
}

func hostPort(request *http.Request) string {
	if request.URL.Port() == "" {
		return net.JoinHostPort(request.URL.Hostname(), "80")
	}
	return request.URL.Host
}
