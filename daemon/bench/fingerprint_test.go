package bench

import "testing"

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
