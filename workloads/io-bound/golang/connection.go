package iobound

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"golang.org/x/sys/unix"
)

// connection is the transport of one thread: a connection of its own, on which
// the thread itself waits, in the kernel, as threads of other languages do.
//
// http.Transport has two goroutines for each connection, and Go's own sockets
// wait in a poller that some other thread looks after: to hand the request
// over, or the news of an answer, costs a locked goroutine switches of the
// operating system's threads. At 100 connections without delay a request took
// 48 us of CPU time this way, and 95 us through the poller. It has its price
// where there is little to do: the runtime looks again and again whether a
// thread still waits, so that with 10 connections and a delay of 50 ms it was
// 300 us in place of 140.
type connection struct {
	socket *os.File // nil before the first request, and after a failure
	reader *bufio.Reader
	writer *bufio.Writer
}

// RoundTrip wants the body of each answer read and closed before the next
// request, as Worker does.
func (c *connection) RoundTrip(request *http.Request) (*http.Response, error) {
	if c.socket == nil {
		socket, err := dial(hostPort(request))
		if err != nil {
			return nil, err
		}
		c.socket = socket
		c.reader = bufio.NewReaderSize(socket, 8<<10)
		c.writer = bufio.NewWriter(socket)
	}
	response, err := c.exchange(request)
	if err != nil {
		c.CloseIdleConnections()
		return nil, err
	}
	return response, nil
}

func (c *connection) exchange(request *http.Request) (*http.Response, error) {
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
	if c.socket != nil {
		_ = c.socket.Close() // nothing is left to be sent
		c.socket = nil
	}
}

// dial connects as package net does, and keeps a second descriptor of the
// socket, which Go's poller does not know of.
func dial(address string) (*os.File, error) {
	conn, err := net.DialTimeout("tcp", address, requestTimeout)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return nil, fmt.Errorf("connection to %s is a %T, want TCP", address, conn)
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	var second int
	var failed error
	err = raw.Control(func(fd uintptr) {
		second, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	if err := block(second); err != nil {
		return nil, errors.Join(err, unix.Close(second))
	}
	return os.NewFile(uintptr(second), address), nil
}

// block has reads and writes wait, but no longer than a request may take; then
// they fail with EAGAIN, which says of itself that it is a timeout.
func block(fd int) error {
	limit := unix.NsecToTimeval(requestTimeout.Nanoseconds())
	return errors.Join(
		unix.SetNonblock(fd, false),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit),
	)
}

func hostPort(request *http.Request) string {
	if request.URL.Port() == "" {
		return net.JoinHostPort(request.URL.Hostname(), "80")
	}
	return request.URL.Host
}
