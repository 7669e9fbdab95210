package linux

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// The line has a name that holds a parenthesis, a space and a line feed.
const statLine = "4242 (a) b\n(c) S 17 4242 4242 0 -1 4194304 100 500 0 0 " +
	"250 50 30 20 20 0 6 0 99999 104857600 2560 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n"

func TestParseStat(t *testing.T) {
	got, err := parseStat([]byte(statLine))
	want := Stat{
		Parent: 17, User: 2500 * time.Millisecond, System: 500 * time.Millisecond,
		ReapedUser: 300 * time.Millisecond, ReapedSystem: 200 * time.Millisecond, HasReaped: true,
		Threads: 6, RSSBytes: 2560 * float64(os.Getpagesize()),
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
	ended := strings.Replace(statLine, " S ", " Z ", 1)
	if s, err := parseStat([]byte(ended)); err != nil || s.Zombie {
		t.Errorf("one whose first thread alone has ended is a zombie: %+v, %v", s, err)
	}
	zombie, err := parseStat([]byte(strings.Replace(ended, " 0 6 0 ", " 0 1 0 ", 1)))
	if err != nil || !zombie.Zombie {
		t.Errorf("a zombie is not seen: %+v, %v", zombie, err)
	}
	for state, want := range map[string]Stat{"T": {Stopped: true}, "t": {Stopped: true}, "D": {Uninterruptible: true}, "R": {}} {
		s, err := parseStat([]byte(strings.Replace(statLine, " S ", " "+state+" ", 1)))
		if err != nil || s.Stopped != want.Stopped || s.Uninterruptible != want.Uninterruptible || s.Zombie {
			t.Errorf("state %s is read as %+v, %v", state, s, err)
		}
	}
	for _, bad := range []string{"", "1 (x", "1 (x) S 1 2", strings.Replace(statLine, " 250 ", " many ", 1)} {
		if s, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was read as %+v", bad, s)
		}
	}
}

// Whatever the process is called, its counters are read alike.
func FuzzParseStat(f *testing.F) {
	f.Add("python3")
	f.Add(") S 1 (")
	f.Add("\x00\xff) Z")
	_, rest, _ := strings.Cut(statLine, "(c)")
	want, err := parseStat([]byte("1 (x)" + rest))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got, err := parseStat([]byte("1 (" + name + ")" + rest))
		if err != nil || got != want {
			t.Errorf("name %q: got %+v, %v", name, got, err)
		}
	})
}

func TestProcess(t *testing.T) {
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	p, err := Watch(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	first, err := p.Stat()
	if err != nil {
		t.Fatal(err)
	}
	// The CPU clock goes on by what is worked, if not at once: others want the CPU.
	after := before
	for begun := time.Now(); err == nil && after-before < 10*time.Millisecond; after, err = CPU(os.Getpid()) {
		if time.Since(begun) > time.Minute {
			t.Fatalf("the CPU clock went from %v to %v", before, after)
		}
		bytes.Repeat([]byte("x"), 1000)
	}
	if err != nil {
		t.Error(err)
	}
	if first.Parent != os.Getppid() || first.Threads < 1 || first.RSSBytes < 1<<20 {
		t.Errorf("stat: %+v", first)
	}
	if rss, err := PeakRSS(os.Getpid()); err != nil || rss < first.RSSBytes/2 {
		t.Errorf("peak RSS: %v, %v", rss, err)
	}
	// Not held against the first reading: the heap has grown since.
	pss, err := PSS(os.Getpid())
	if now, statErr := p.Stat(); err != nil || statErr != nil || pss < 1<<20 || pss > 2*now.RSSBytes {
		t.Errorf("PSS: %v, %v, with an RSS of %v", pss, err, now.RSSBytes)
	}
	if _, err := ReadIO(os.Getpid()); err != nil {
		t.Error(err)
	}
	if IgnoresSIGCHLD(os.Getpid()) {
		t.Error("this process does not ignore SIGCHLD")
	}
	threads := Threads(os.Getpid())
	if !slices.Contains(threads, os.Getpid()) {
		t.Errorf("threads %v lack the first", threads)
	}
	if c, err := ReadThread(os.Getpid(), os.Getpid()); err != nil || c.Voluntary+c.Involuntary == 0 {
		t.Errorf("thread: %+v, %v", c, err)
	}
}

func TestParseSchedstat(t *testing.T) {
	for _, test := range []struct {
		text       string
		run, delay float64
	}{
		{"1500000000 250000000 7\n", 1.5, 0.25},
		{"0 0 0\n", 0, 0}, // the kernel keeps none
		{"", 0, 0},
		{"1500000000\n", 0, 0},
		{"1 x 2\n", 0, 0},
	} {
		if run, delay := parseSchedstat([]byte(test.text)); run != test.run || delay != test.delay {
			t.Errorf("%q: got %v, %v, want %v, %v", test.text, run, delay, test.run, test.delay)
		}
	}
}

func TestResetPeakRSS(t *testing.T) {
	ballast := bytes.Repeat([]byte("x"), 64<<20)
	high, err := PeakRSS(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if len(ballast) == 0 || high < 64<<20 {
		t.Fatalf("peak RSS is %v with 64 MiB of ballast", high)
	}
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	if err := ResetPeakRSS(cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	// The child's is its own, whatever its parent holds.
	if rss, err := PeakRSS(cmd.Process.Pid); err != nil || rss > 32<<20 {
		t.Errorf("peak RSS of sleep: %v, %v", rss, err)
	}
}

func TestGone(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p, err := Watch(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if s, err := p.Stat(); err == nil {
		t.Errorf("a process that is gone says %+v", s)
	}
	if _, err := CPU(p.PID); err == nil {
		t.Error("a process that is gone has a CPU clock")
	}
	if c, th := Children(p.PID), Threads(p.PID); c != nil || th != nil {
		t.Errorf("a process that is gone has children %v and threads %v", c, th)
	}
}

func TestTree(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sleep 60 & sleep 61 & wait")
	cmd.Env = []string{"MARK=of this test", "PATH=" + os.Getenv("PATH")}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var below []int
	defer func() {
		for _, pid := range append(below, cmd.Process.Pid) {
			if p, err := os.FindProcess(pid); err == nil {
				_ = p.Kill()
			}
		}
		_ = cmd.Wait()
	}()
	for deadline := time.Now().Add(5 * time.Second); len(below) < 2 && time.Now().Before(deadline); {
		below = Descendants(cmd.Process.Pid)
	}
	if len(below) != 2 || !slices.Contains(Descendants(os.Getpid()), below[1]) {
		t.Fatalf("descendants: %v", below)
	}
	byParent := childrenByParent()[cmd.Process.Pid]
	slices.Sort(byParent)
	slices.Sort(below)
	if !slices.Equal(byParent, below) {
		t.Errorf("without children files: %v, want %v", byParent, below)
	}
	if !slices.Contains(Processes(), below[0]) {
		t.Error("a process is not among all")
	}
}
