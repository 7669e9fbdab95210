package linux

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestSystem(t *testing.T) {
	s := OpenSystem()
	defer s.Close()
	cores, err := OnlineCPUs()
	if err != nil || cores < 1 {
		t.Fatalf("%d CPUs, %v", cores, err)
	}
	began := time.Now()
	before, err := s.CPUTimes()
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // the time that is measured, not one that is waited out
	after, err := s.CPUTimes()
	if err != nil {
		t.Fatal(err)
	}
	idle, took := after.IdleSeconds-before.IdleSeconds, time.Since(began)
	if idle < 0 || idle > float64(cores)*(took.Seconds()+1) { // the kernel tells it in steps
		t.Errorf("%v s of idle time of %d CPUs went by in %v", idle, cores, took)
	}
	last, err := s.LastPID()
	if err != nil {
		t.Fatal(err)
	}
	if err := exec.Command("true").Run(); err != nil {
		t.Fatal(err)
	}
	if next, err := s.LastPID(); err != nil || next == last {
		t.Errorf("last pid stays %d after a process was started, %v", next, err)
	}
}

func TestParseCPUTimes(t *testing.T) {
	tests := []struct {
		name, line string
		want       CPUTimes
		err        string
	}{
		{"as it is", "cpu  1 2 3 400 50 6 7 8 9 0", CPUTimes{4.5, new(0.08), 4.77}, ""},
		{"without steal", "cpu  1 2 3 400 50 6 7", CPUTimes{4.5, nil, 4.69}, ""},
		{"no steal yet", "cpu  1 2 3 400 50 6 7 0 0 0", CPUTimes{4.5, new(0.0), 4.69}, ""},
		{"a sandbox that keeps none", "cpu  0 0 0 0 0 0 0 0 0 0", CPUTimes{}, "/proc/stat: times are not kept"},
		{"too short", "cpu  1 2 3 400", CPUTimes{}, `/proc/stat: want the line of all cores first, got "cpu  1 2 3 400"`},
		{"another line", "cpu0 1 2 3 400 50 6 7 8 9 0", CPUTimes{}, `/proc/stat: want the line of all cores first, got "cpu0 1 2 3 400 50 6 7 8 9 0"`},
		{"not numbers", "cpu  1 2 3 idle 50 6 7 8 9 0", CPUTimes{}, `/proc/stat: strconv.ParseFloat: parsing "idle": invalid syntax`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseCPUTimes(test.line)
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("got %+v, %v, want %s", got, err, test.err)
				}
				return
			}
			if err != nil || got.IdleSeconds != test.want.IdleSeconds || math.Abs(got.TotalSeconds-test.want.TotalSeconds) > 1e-9 {
				t.Errorf("got %+v, %v, want %+v", got, err, test.want)
			}
			equal(t, "steal", got.StealSeconds, test.want.StealSeconds)
		})
	}
}

// LXC shows a container a file that does not move when a process is started.
func TestTrustLastPID(t *testing.T) {
	for _, test := range []struct {
		name            string
		before, started int
		now             string
		trusted         bool
	}{
		{"it moves", 10, 12, "0.1 0.1 0.1 1/99 12\n", true},
		{"others came as well", 10, 12, "0.1 0.1 0.1 1/99 15\n", true},
		{"ids began anew", 32767, 302, "0.1 0.1 0.1 1/99 304\n", true},
		{"ids began anew in between", 32760, 32766, "0.1 0.1 0.1 1/99 301\n", true},
		{"it stands still", 10, 12, "0.1 0.1 0.1 1/99 10\n", false},
		{"it is late", 10, 12, "0.1 0.1 0.1 1/99 11\n", false},
		{"it is nothing", 0, 12, "", false},
		{"it is odd", 0, 12, "many", false},
	} {
		path := filepath.Join(t.TempDir(), "loadavg")
		if err := os.WriteFile(path, []byte(test.now), 0o600); err != nil {
			t.Fatal(err)
		}
		var s System
		s.loadavg, _ = os.Open(path)
		s.TrustLastPID(test.before, test.started)
		if _, err := s.LastPID(); (err == nil) != test.trusted {
			t.Errorf("%s: %v", test.name, err)
		}
		s.Close()
	}
}

// Where /proc is mounted without them, only these readings are missing.
func TestSystemWithoutFiles(t *testing.T) {
	var s System
	if got, err := s.CPUTimes(); err == nil {
		t.Errorf("CPU times without a file: %+v", got)
	}
	if got, err := s.LastPID(); err == nil {
		t.Errorf("last pid without a file: %d", got)
	}
	s.Close()
}

func TestCgroup(t *testing.T) {
	cores, bytes := 1.5, 512.0*(1<<20)
	tests := []struct {
		name       string
		files      map[string]string
		cpu        *float64
		memory     *float64
		throttling *Throttling
	}{
		{"version 2 in a container", map[string]string{
			"proc/self/cgroup":         "0::/\n",
			"sys/fs/cgroup/cpu.max":    "150000 100000\n",
			"sys/fs/cgroup/cpu.stat":   "usage_usec 5\nnr_periods 33\nnr_throttled 22\nthrottled_usec 1500000\n",
			"sys/fs/cgroup/memory.max": "536870912\n",
		}, &cores, &bytes, &Throttling{22, 1.5}},
		{"version 2 on a host, without limits", map[string]string{
			"proc/self/cgroup":                            "0::/user.slice/a.scope\n",
			"sys/fs/cgroup/user.slice/a.scope/cpu.max":    "max 100000\n",
			"sys/fs/cgroup/user.slice/a.scope/cpu.stat":   "nr_throttled 0\nthrottled_usec 0\n",
			"sys/fs/cgroup/user.slice/a.scope/memory.max": "max\n",
		}, nil, nil, &Throttling{}},
		{"version 2, limits of the groups above", map[string]string{
			"proc/self/cgroup":                                   "0::/a.slice/b.slice/c.service\n",
			"sys/fs/cgroup/cpu.stat":                             "usage_usec 5\n",
			"sys/fs/cgroup/a.slice/cpu.max":                      "150000 100000\n",
			"sys/fs/cgroup/a.slice/cpu.stat":                     "nr_throttled 20\nthrottled_usec 1000000\n",
			"sys/fs/cgroup/a.slice/memory.max":                   "max\n",
			"sys/fs/cgroup/a.slice/b.slice/cpu.max":              "200000 100000\n",
			"sys/fs/cgroup/a.slice/b.slice/cpu.stat":             "nr_throttled 2\nthrottled_usec 500000\n",
			"sys/fs/cgroup/a.slice/b.slice/memory.max":           "536870912\n",
			"sys/fs/cgroup/a.slice/b.slice/c.service/cpu.max":    "max 100000\n",
			"sys/fs/cgroup/a.slice/b.slice/c.service/cpu.stat":   "nr_throttled 0\nthrottled_usec 0\n",
			"sys/fs/cgroup/a.slice/b.slice/c.service/memory.max": "1073741824\n",
		}, &cores, &bytes, &Throttling{22, 1.5}},
		{"version 2, the group at the top, which has no limits", map[string]string{
			"proc/self/cgroup":       "0::/\n",
			"sys/fs/cgroup/cpu.stat": "usage_usec 5\n",
		}, nil, nil, nil},
		{"version 1 in a container without a namespace", map[string]string{
			"proc/self/cgroup":                           "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n",
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us":         "150000\n",
			"sys/fs/cgroup/cpu/cpu.cfs_period_us":        "100000\n",
			"sys/fs/cgroup/cpu/cpu.stat":                 "nr_periods 33\nnr_throttled 22\nthrottled_time 1500000000\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
		}, &cores, &bytes, &Throttling{22, 1.5}},
		{"version 1 on a host, controllers mounted together, without limits", map[string]string{
			"proc/self/cgroup": "4:memory:/a\n3:cpu,cpuacct:/a\n0::/a\n",
			"sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us":  "-1\n",
			"sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
			"sys/fs/cgroup/cpu,cpuacct/a/cpu.stat":          "nr_throttled 0\nthrottled_time 0\n",
			"sys/fs/cgroup/memory/a/memory.limit_in_bytes":  "9223372036854771712\n",
		}, nil, nil, &Throttling{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := FindCgroup(tree(t, test.files))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "CPU limit", c.CPULimit(), test.cpu)
			equal(t, "memory limit", c.MemoryLimit(), test.memory)
			got, err := c.Throttling()
			if (err == nil) != (test.throttling != nil) || err == nil && got != *test.throttling {
				t.Errorf("throttling: %+v, %v; want %+v", got, err, test.throttling)
			}
		})
	}
	if c, err := FindCgroup(tree(t, map[string]string{"proc/self/cgroup": "1:name=systemd:/\n"})); err == nil {
		t.Errorf("found %+v where there is none", c)
	}
}

func equal(t *testing.T, what string, got, want *float64) {
	t.Helper()
	if (got == nil) != (want == nil) || got != nil && *got != *want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}
