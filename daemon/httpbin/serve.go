// Package httpbin provides the server that IO experiments talk to: go-httpbin
// in a process of its own, so that its CPU time and memory are not the
// daemon's and can be measured, or one that the user names.
package httpbin

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
)

// announceFD is where a server that the daemon has started says its address.
const announceFD = 3

// healthyPath is where it says that it is well, for benchd healthcheck too.
const healthyPath = "/-/healthy"

// usagePath is where benchd's server tells what it has used: the only way to
// know it across containers, and exact, for it asks the kernel about itself.
const usagePath = "/-/usage"

// Serve is the whole life of the server's process. It serves on address; if
// that is empty, on a free port of the loopback, which it says to the daemon
// that has started it, and until its standard input, which the daemon holds
// open, ends.
func Serve(address string) int {
	if err := serve(address); err != nil {
		fmt.Fprintf(os.Stderr, "benchd httpbin: %v: want an address host:port at which nothing else serves\n", err)
	}
	return 1
}

func serve(address string) error {
	ofDaemon := address == ""
	if ofDaemon {
		address = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if ofDaemon {
		announce := os.NewFile(announceFD, "announce")
		if _, err := fmt.Fprintf(announce, "http://%s\n", listener.Addr()); err != nil {
			return fmt.Errorf("tell the daemon that has started this the address: %w: by hand, name one, such as benchd httpbin 127.0.0.1:8080", err)
		}
		announce.Close()
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // ends with the daemon, even if that is killed
			os.Exit(0)
		}()
	}
	mux := http.NewServeMux()
	// The default bound on /delay of 10 s stays: no experiment waits longer.
	mux.Handle("/", httpbin.New().Handler())
	mux.HandleFunc("GET "+healthyPath, func(http.ResponseWriter, *http.Request) {})
	started := time.Now()
	mux.HandleFunc("GET "+usagePath, func(w http.ResponseWriter, _ *http.Request) {
		u, err := ownUsage(started)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(u) // a client that has gone does not need it
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// bootID is the same for all containers of a host, and for no other host.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}
