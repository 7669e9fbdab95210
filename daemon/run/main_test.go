package run

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"benchd/daemon/bench"
	"benchd/workloads/protocol"
)

// The test binary plays all parts: the supervisor, the workloads that behave
// and those that do not, and a daemon that is killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "supervise":
			os.Exit(Supervise(os.Args[2:]))
		case "workload":
			workloads[os.Args[2]](newActor())
			os.Exit(0)
		case "daemon":
			playDaemon(os.Args[2], os.Args[3])
			os.Exit(0)
		case "tells":
			playTeller(os.Args[2], os.Args[3])
			os.Exit(0)
		}
		if play := roles[os.Args[1]]; play != nil {
			play(os.Args[2:])
			os.Exit(0)
		}
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// roles are further parts, by the first argument.
var roles = map[string]func(args []string){}

// actor is a workload's side of the protocol, free to break it.
type actor struct {
	out   *os.File
	gates *bufio.Scanner
	token string // of the gate start
}

func newActor() *actor {
	return &actor{out: os.NewFile(protocol.FD, "messages"), gates: bufio.NewScanner(os.Stdin)}
}

func (a *actor) say(m any) {
	if r, ok := m.(protocol.Result); ok {
		r.Token = a.token
		m = r
	}
	if err := json.NewEncoder(a.out).Encode(m); err != nil {
		panic(err)
	}
}

func (a *actor) ready() { a.say(readiness()) }

func readiness() protocol.Ready {
	return protocol.Ready{Type: "ready", Protocol: 1, PID: os.Getpid(), Runtime: "1.0", Client: "test 2", GIL: "disabled"}
}

func (a *actor) await(gate string) {
	a.gates.Scan()
	name, token, _ := strings.Cut(a.gates.Text(), " ")
	if name != gate {
		fmt.Fprintf(os.Stderr, "wanted the gate %s, got %q\n", gate, a.gates.Text())
		os.Exit(3)
	}
	a.token = token
}

// work does what is given between the gates of a well-behaved workload.
func (a *actor) work(do func()) {
	a.workAndReport(do, result())
}

func (a *actor) workAndReport(do func(), r protocol.Result) {
	a.ready()
	a.await(protocol.GateStart)
	begun := time.Now()
	do()
	r.ElapsedSeconds = time.Since(begun).Seconds()
	a.say(r)
	a.await(protocol.GateExit)
}

func result() protocol.Result {
	return protocol.Result{Type: "result", Items: 10, Units: 100, Checksum: 7}
}

// spin uses about d of CPU time, in the whole process.
func spin(d time.Duration) {
	var use unix.Rusage
	used := func() time.Duration {
		_ = unix.Getrusage(unix.RUSAGE_SELF, &use)
		return time.Duration(use.Utime.Nano() + use.Stime.Nano())
	}
	x := 0 // not sink: several may spin at once
	for begun := used(); used()-begun < d; {
		for i := range 10_000 {
			x = x*31 + i
		}
	}
	runtime.KeepAlive(x)
}

var sink int

func part(name string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", "workload", name)
	cmd.Stderr = os.Stderr
	return cmd
}

func sleepForEver() { select {} }

var workloads = map[string]func(*actor){
	"good": func(a *actor) { a.work(func() { spin(50 * time.Millisecond) }) },
	"long": func(a *actor) { a.work(func() { spin(700 * time.Millisecond) }) },
	"fails": func(_ *actor) {
		fmt.Println("about to fail")
		fmt.Fprintln(os.Stderr, "because of a reason")
		os.Exit(5)
	},
	"dies-working": func(a *actor) {
		a.ready()
		a.await(protocol.GateStart)
		_ = unix.Kill(os.Getpid(), unix.SIGKILL)
		sleepForEver()
	},
	"dies-after-result": func(a *actor) {
		a.ready()
		a.await(protocol.GateStart)
		a.say(result())
		os.Exit(9)
	},
	"exits-early": func(_ *actor) {},
	"exits-after-ready": func(a *actor) {
		a.ready()
		a.await(protocol.GateStart)
	},
	"hangs-before-ready": func(_ *actor) { sleepForEver() },
	"hangs-working": func(a *actor) {
		a.ready()
		a.await(protocol.GateStart)
		sleepForEver()
	},
	"ignores-term": func(a *actor) {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		a.ready()
		a.await(protocol.GateStart)
		sleepForEver()
	},
	"stops-itself": func(a *actor) {
		a.ready()
		a.await(protocol.GateStart)
		_ = unix.Kill(os.Getpid(), unix.SIGSTOP)
		sleepForEver()
	},
	"malformed":  func(a *actor) { fmt.Fprintln(a.out, "hello"); sleepForEver() },
	"no-newline": func(a *actor) { fmt.Fprint(a.out, `{"type":`) },
	"oversized": func(a *actor) {
		for range 40 {
			fmt.Fprintf(a.out, "%01000d", 0)
			for range 10 {
				fmt.Fprintf(a.out, "%01000d", 0)
			}
		}
		sleepForEver()
	},
	"result-first": func(a *actor) { a.say(result()); sleepForEver() },
	"talks-on": func(a *actor) {
		a.ready()
		a.await(protocol.GateStart)
		a.say(result())
		a.say(result())
		sleepForEver()
	},
	"result-before-start": func(a *actor) {
		a.ready()
		a.say(result())
		a.await(protocol.GateStart)
		a.await(protocol.GateExit)
	},
	// Two messages in one go, so that the second is read as late as can be.
	"result-with-ready": func(a *actor) {
		both := bufio.NewWriter(a.out)
		for _, m := range []any{readiness(), result()} {
			if err := json.NewEncoder(both).Encode(m); err != nil {
				panic(err)
			}
		}
		if err := both.Flush(); err != nil {
			panic(err)
		}
		a.await(protocol.GateStart)
		a.await(protocol.GateExit)
	},
	"result-by-guess": func(a *actor) {
		a.ready()
		a.token = "start"
		a.say(result())
		a.await(protocol.GateStart)
		a.await(protocol.GateExit)
	},
	"ready-twice": func(a *actor) {
		a.ready()
		a.ready()
		a.work(func() {})
	},
	"both-in-one-line": func(a *actor) {
		m, err := json.Marshal(readiness())
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(a.out, "%s%s\n", m, m)
		sleepForEver()
	},
	"talks-at-exit": func(a *actor) {
		a.work(func() {})
		fmt.Fprintln(a.out, "one thing more")
	},
	"talks-in-part-at-exit": func(a *actor) {
		a.work(func() {})
		fmt.Fprint(a.out, `{"type":`)
	},
	"floods-at-exit": func(a *actor) {
		a.work(func() {})
		fmt.Fprintf(a.out, "%0300000d", 0)
	},
	"closes-messages-after-result": func(a *actor) {
		a.ready()
		a.await(protocol.GateStart)
		a.say(result())
		a.out.Close()
		a.await(protocol.GateExit)
	},
	// Is certainly dead when its result arrives: another tells it afterwards.
	"exits-unasked": func(a *actor) {
		heir := part("heir")
		heir.ExtraFiles = []*os.File{a.out, os.Stdin} // so that the gate can still be opened
		will, err := heir.StdinPipe()
		if err != nil {
			panic(err)
		}
		if err := heir.Start(); err != nil {
			panic(err)
		}
		a.ready()
		a.await(protocol.GateStart)
		fmt.Fprintln(will, "start", a.token)
	},
	"heir": func(a *actor) {
		a.await(protocol.GateStart)
		_, _ = io.Copy(io.Discard, os.Stdin) // ends with its parent
		a.say(result())
		sleepForEver()
	},
	"floods": func(a *actor) {
		a.ready()
		a.await(protocol.GateStart)
		for {
			if _, err := fmt.Fprintln(a.out, "no message"); err != nil {
				sleepForEver()
			}
		}
	},
	"closes-messages": func(a *actor) {
		a.ready()
		a.await(protocol.GateStart)
		a.out.Close()
		sleepForEver()
	},
	"closes-stdin": func(a *actor) {
		os.Stdin.Close() // before the daemon writes to it
		a.ready()
		sleepForEver()
	},
	"wrong-units": func(a *actor) {
		r := result()
		r.Units--
		a.workAndReport(func() {}, r)
	},
	"wrong-checksum": func(a *actor) {
		r := result()
		r.Checksum++
		a.workAndReport(func() {}, r)
	},
	"wrong-items": func(a *actor) {
		r := result()
		r.Items++
		a.workAndReport(func() {}, r)
	},
	"some-errors": func(a *actor) {
		r := result()
		r.Units, r.Checksum = 70, 5
		r.Errors = map[string]uint64{"timeout": 2, "connect": 1}
		a.workAndReport(func() {}, r)
	},
	"all-errors": func(a *actor) {
		r := result()
		r.Units, r.Checksum = 0, 0
		r.Errors = map[string]uint64{"connect": 10}
		a.workAndReport(func() {}, r)
	},
	"fills-stdout": func(a *actor) {
		a.work(func() {
			for i := range 200_000 {
				fmt.Printf("line %d of a workload that talks too much\n", i)
			}
		})
		os.Exit(4)
	},
	"hangs-at-exit": func(a *actor) {
		a.work(func() {})
		sleepForEver()
	},
	// Leaves a grandchild that has fled into a session of its own, has lost
	// its parent, ignores TERM, and holds every descriptor open.
	"forks-away": func(a *actor) {
		a.work(func() { flee("middle") })
	},
	"forks-away-and-hangs": func(a *actor) {
		a.work(func() {
			flee("middle")
			sleepForEver()
		})
	},
	// Leaves one that notices its end, cleans up, and then ends by itself.
	"has-a-helper": func(a *actor) {
		helper := part("helper")
		if _, err := helper.StdinPipe(); err != nil {
			panic(err)
		}
		if err := helper.Start(); err != nil {
			panic(err)
		}
		a.work(func() {})
	},
	"helper": func(*actor) {
		_, _ = io.Copy(io.Discard, os.Stdin)
		time.Sleep(10 * time.Millisecond)
	},
	"middle": func(*actor) { flee("stray"); os.Exit(0) },
	"stray": func(*actor) {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		sleepForEver()
	},
	"kills-supervisor": func(a *actor) {
		a.work(func() {
			flee("middle")
			time.Sleep(50 * time.Millisecond)
			_ = unix.Kill(os.Getppid(), unix.SIGKILL)
			sleepForEver()
		})
	},
	// Leaves one behind that nothing in its environment tells to be a workload.
	"kills-supervisor-in-disguise": func(a *actor) {
		a.work(func() {
			stray := exec.Command("/usr/bin/env", "-i", "setsid", "sleep", "600")
			if err := stray.Start(); err != nil {
				panic(err)
			}
			_ = unix.Kill(os.Getppid(), unix.SIGKILL)
			sleepForEver()
		})
	},
	"stops-supervisor": func(a *actor) {
		a.work(func() {
			_ = unix.Kill(os.Getppid(), unix.SIGSTOP)
			sleepForEver()
		})
	},
	"burn": func(*actor) { spin(25 * time.Millisecond) },
	"loses-children": func(a *actor) {
		signal.Ignore(syscall.SIGCHLD)
		a.work(func() {})
	},
	"allocates": func(a *actor) {
		size, _ := strconv.Atoi(os.Getenv("WORKLOAD_BYTES"))
		a.work(func() {
			ballast := make([]byte, size)
			for i := 0; i < len(ballast); i += 4096 {
				ballast[i] = 1
			}
			time.Sleep(20 * time.Millisecond)
			sink += int(ballast[len(ballast)-1])
		})
	},
	"shows-environment": func(_ *actor) {
		for _, e := range os.Environ() {
			fmt.Println(e)
		}
		os.Exit(1)
	},
}

// flee starts a part in a session of its own.
func flee(part string) {
	cmd := exec.Command("/proc/self/exe", "workload", part)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{os.NewFile(protocol.FD, "messages")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		panic(err)
	}
	if part == "middle" {
		_ = cmd.Wait()
	}
}

func newRunner(tb testing.TB) *Runner {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	return &Runner{
		Self: self, ScratchDir: tb.TempDir(), SampleInterval: 100 * time.Millisecond,
		HTTPBin: func() bench.Server { return bench.Server{} },
		Log:     slog.New(slog.DiscardHandler),
	}
}

func experiment(r *Runner, workload string) bench.Experiment {
	return bench.Experiment{
		Key:      bench.Key{Task: "test", Runtime: "go", Model: workload, Concurrency: 1},
		Unit:     "bytes",
		Size:     "quick",
		Command:  []string{r.Self, "workload", workload},
		Expected: bench.Expected{Items: 10, Units: 100, Checksum: 7},
		Passes:   1,
		// The race detector otherwise holds each process for a second at its end.
		Env:     map[string]string{"GORACE": "atexit_sleep_ms=0"},
		Timeout: 10 * time.Second,
	}
}

// playDaemon runs one workload with a scratch folder until it is killed.
func playDaemon(workload, scratch string) {
	r := playRunner(scratch)
	r.Run(context.Background(), experiment(r, workload))
}

func playRunner(scratch string) *Runner {
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	self, _ := os.Executable()
	return &Runner{Self: self, ScratchDir: scratch, SampleInterval: 100 * time.Millisecond,
		HTTPBin: func() bench.Server { return bench.Server{} }, Log: slog.New(slog.DiscardHandler)}
}
