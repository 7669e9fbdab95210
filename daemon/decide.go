package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"benchd/daemon/bench"
	"benchd/daemon/config"
	"benchd/daemon/linux"
	"benchd/daemon/terminal"
)

// maxAnswerBytes is ample for the changes of 10,000 experiments.
const maxAnswerBytes = 64 << 20

// decideTimeout is ample for an answer of a daemon whose cores are all busy.
const decideTimeout = 30 * time.Second

// socketOf is where the daemon with these settings takes decisions from who may
// use the file.
func socketOf(settings config.Config) string { return filepath.Join(settings.DataDir, "benchd.sock") }

// decision is a request to the daemon, and how its answer is put.
type decision struct {
	method, path string
	body         any
	print        func(io.Writer, []byte) error
}

// decide tells the daemon what a person has decided.
func decide(args []string, stdout, stderr io.Writer) int {
	if len(args) == 2 && (args[1] == "-h" || args[1] == "--help") {
		fmt.Fprint(stdout, usage)
		return 0
	}
	d, err := parseDecision(args)
	if err != nil {
		fmt.Fprintf(stderr, "benchd: %v\n\n%s", err, usage)
		return statusUsage
	}
	settings, err := config.Load()
	if err != nil {
		fmt.Fprintf(stderr, "benchd: the settings are not usable; nothing was done:\n%v\n", err)
		return statusFailed
	}
	ctx, cancel := context.WithTimeout(context.Background(), decideTimeout)
	defer cancel()
	answer, err := d.ask(ctx, socketOf(settings))
	if err == nil {
		err = d.print(stdout, answer)
	}
	if err != nil {
		fmt.Fprintf(stderr, "benchd: %v\n", err)
		return statusFailed
	}
	return 0
}

func parseDecision(args []string) (decision, error) {
	for _, arg := range args {
		if !utf8.ValidString(arg) {
			return decision{}, fmt.Errorf("%q is not UTF-8: names and reasons are kept as text", arg)
		}
	}
	if args[0] == "accept" {
		return parseAccept(args[1:])
	}
	name := strings.Join(args[min(2, len(args)):], " ")
	switch {
	case len(args) == 2 && args[1] == "list":
		return decision{http.MethodGet, "/api/v1/baselines", nil, printBaselines}, nil
	case len(args) == 3 && args[1] == "pin":
		return decision{http.MethodPost, "/api/v1/baselines", map[string]string{"name": name}, printPinned}, nil
	case len(args) == 3 && args[1] == "unpin":
		return decision{http.MethodDelete, "/api/v1/baselines", map[string]string{"name": name}, func(w io.Writer, _ []byte) error {
			fmt.Fprintf(w, "Baseline %q is forgotten.\n", name)
			return nil
		}}, nil
	}
	return decision{}, errors.New("want baseline pin NAME, baseline list, or baseline unpin NAME")
}

func parseAccept(args []string) (decision, error) {
	if len(args) == 0 {
		return decision{}, errors.New("want accept ID, accept host or accept all: the ID is in the alert, and in /api/v1/changes?open=true")
	}
	body := map[string]any{"reason": saidBy(strings.Join(args[1:], " "))}
	none := "No change is open."
	switch args[0] {
	case "all":
		body["all"] = true
	case string(bench.ScopeHost):
		body["scope"] = bench.ScopeHost
		none = "No change is open that the host is the cause of; /api/v1/changes?open=true has those with another cause."
	default:
		id, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil || id < 1 {
			return decision{}, fmt.Errorf("%q is no ID of a change: want a whole number, host, or all", args[0])
		}
		body["id"] = id
	}
	return decision{http.MethodPost, "/api/v1/changes/accept", body, func(w io.Writer, answer []byte) error { return printAccepted(w, answer, none) }}, nil
}

// saidBy puts the user's name before the reason.
func saidBy(reason string) string {
	if u, err := user.Current(); err == nil {
		return strings.TrimSuffix(u.Username+": "+reason, ": ")
	}
	return reason
}

// ask sends the request through the daemon's socket.
func (d *decision) ask(ctx context.Context, socket string) ([]byte, error) {
	content, err := json.Marshal(d.body)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, d.method, "http://benchd"+d.path, bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		short, release, err := linux.SocketPath(socket)
		if err != nil {
			return nil, err
		}
		defer release()
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", short)
	}}}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("no daemon answers at %s: start it, set BENCHD_DATA_DIR to the one that it has, or be a user who may use the file: %w", socket, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(http.MaxBytesReader(nil, response.Body, maxAnswerBytes))
	if err != nil {
		return nil, fmt.Errorf("read the daemon's answer: %w", err)
	}
	if response.StatusCode == http.StatusOK {
		return answer, nil
	}
	var failure struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(answer, &failure); err != nil || failure.Error == "" {
		return nil, fmt.Errorf("the daemon answers %s", response.Status)
	}
	return nil, errors.New(terminal.Line(failure.Error))
}

// read takes no answer for another: what lies at the socket may be of another
// version, or no benchd.
func read(answer []byte, into any) error {
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("read the daemon's answer: is it of the same version as this command? %w", err)
	}
	return nil
}

// printAccepted says none where nothing was accepted.
func printAccepted(w io.Writer, answer []byte, none string) error {
	var accepted struct {
		Changes []struct {
			ID       int64  `json:"id"`
			Sentence string `json:"sentence"`
		} `json:"changes"`
	}
	if err := read(answer, &accepted); err != nil {
		return err
	}
	if len(accepted.Changes) == 0 {
		fmt.Fprintln(w, none)
	}
	for _, c := range accepted.Changes {
		fmt.Fprintf(w, "Accepted change %d: %s.\n", c.ID, terminal.Line(c.Sentence))
	}
	return nil
}

type baseline struct {
	Name   string    `json:"name"`
	Pinned time.Time `json:"pinned"`
	Levels int       `json:"levels"`
}

func printPinned(w io.Writer, answer []byte) error {
	var pinned baseline
	if err := read(answer, &pinned); err != nil {
		return err
	}
	fmt.Fprintf(w, "Pinned %q with %d levels; benchd_figure_drift_ratio tells how far the latest runs are from them.\n", pinned.Name, pinned.Levels)
	return nil
}

func printBaselines(w io.Writer, answer []byte) error {
	var known struct {
		Baselines []baseline `json:"baselines"`
	}
	if err := read(answer, &known); err != nil {
		return err
	}
	if len(known.Baselines) == 0 {
		fmt.Fprintln(w, "No baseline is pinned.")
	}
	for i, b := range known.Baselines {
		force := ""
		if i == 0 {
			force = ", in force"
		}
		fmt.Fprintf(w, "%s: %d levels, pinned %s%s\n", terminal.Line(b.Name), b.Levels, b.Pinned.Local().Format(time.DateTime), force)
	}
	return nil
}
