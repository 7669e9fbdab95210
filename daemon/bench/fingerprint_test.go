package bench

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDifferences(t *testing.T) {
	t.Parallel()
	made := func() *Run {
		return &Run{Versions: Versions{Runtime: "3.13.5", Client: "aiohttp 3.11.16", GIL: "enabled"}, Fingerprint: &Fingerprint{
			Host:   Host{CPUModel: "Example", Cores: 2, MemoryBytes: 8 << 30, Kernel: "6.18", OS: "Debian 13", Architecture: "amd64", MemoryLimitBytes: new(500.0 * (1 << 20))},
			Benchd: "v1 abc", Program: "checksum 1", Interpreter: "checksum 2", HTTPBin: "benchd's own",
		}}
	}
	for name, test := range map[string]struct {
		change func(*Run)
		want   []Difference
	}{
		"nothing":              {func(*Run) {}, nil},
		"a replaced program":   {func(r *Run) { r.Fingerprint.Program = "checksum 3" }, []Difference{{CauseProgram, "checksum 1", "checksum 3"}}},
		"a rebuilt python3":    {func(r *Run) { r.Fingerprint.Interpreter = "checksum 3" }, []Difference{{CauseInterpreter, "checksum 2", "checksum 3"}}},
		"another httpbin":      {func(r *Run) { r.Fingerprint.HTTPBin = "http://there" }, []Difference{{CauseHTTPBin, "benchd's own", "http://there"}}},
		"a program unread":     {func(r *Run) { r.Fingerprint.Program = "" }, nil},
		"a small limit":        {func(r *Run) { r.Fingerprint.Host.MemoryLimitBytes = new(505.0 * (1 << 20)) }, []Difference{{CauseLimits, "unlimited cores, 500 MiB", "unlimited cores, 505 MiB"}}},
		"a kernel's kilobytes": {func(r *Run) { r.Fingerprint.Host.MemoryBytes -= 300 << 10 }, nil},
		"no fingerprint":       {func(r *Run) { r.Fingerprint = nil }, nil},
	} {
		later := made()
		test.change(later)
		if diff := cmp.Diff(test.want, DifferencesOf(made(), later)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Where /proc/cpuinfo is hidden the CPU's model is not told.
func TestUntoldCPUIsNoDifference(t *testing.T) {
	run := func(model string) *Run {
		return &Run{Fingerprint: &Fingerprint{Host: Host{CPUModel: model, Architecture: "amd64", Cores: 2}}}
	}
	if d := DifferencesOf(run("Example CPU"), run("")); len(d) != 0 {
		t.Errorf("differences: %v", d)
	}
	if d := DifferencesOf(run("Example CPU"), run("Another CPU")); len(d) != 1 || d[0].Cause != CauseCPU {
		t.Errorf("differences: %v", d)
	}
}
