package bench

import "math"

// Noise is a cause for which a run is dirty: an enumerated metric label. A
// dirty run is kept and counted, but never enters a baseline.
type Noise string

// The causes of noise.
const (
	NoiseRunDelay  Noise = "run_delay" // others took the CPU while the workload was ready to run
	NoisePressure  Noise = "pressure"  // the host's tasks waited for CPU, where run delay cannot be read
	NoiseSteal     Noise = "steal"     // the hypervisor took the CPU
	NoiseThrottled Noise = "throttled" // the CPU limit of the cgroup was hit
	NoiseClock     Noise = "clock"     // daemon and workload disagree on the time the run took
	NoiseFrozen    Noise = "frozen"    // workload or daemon were stopped: docker pause, SIGSTOP, a debugger, a suspended machine
	NoiseLeftover  Noise = "leftover"  // a process of an earlier run, which cannot be killed, was alive
	NoiseLostCPU   Noise = "lost_cpu"  // the workload ignores SIGCHLD, which hides CPU time of its children
)

// Noises lists all causes, in the order in which they are shown.
func Noises() []Noise {
	return []Noise{NoiseRunDelay, NoisePressure, NoiseSteal, NoiseThrottled, NoiseClock, NoiseFrozen, NoiseLeftover, NoiseLostCPU}
}

// Limits above which a figure is noise. Measured on a shared 2-core machine:
// keeping only runs with a run delay below 2 % of wall took the coefficient of
// variation of wall time from 32-40 % to 3 %.
const (
	maxRunDelay    = 0.02 // of wall, and at least maxRunDelaySeconds
	maxStealPct    = 2.0  // of the time of all cores, and more than oneStepSeconds
	maxPressurePct = 30.0 // of wall
	maxClockSkew   = 0.02 // of wall, and at least maxClockSkewSeconds
	// A wake-up of the daemon on a busy machine costs some milliseconds,
	// which would be more than maxClockSkew of a very short run.
	maxClockSkewSeconds = 0.02
	// While the daemon alone is stopped the workload goes on, but its maxima are
	// lost, and nobody can tell. So it counts like a stop of the workload.
	maxFrozen        = 0.02 // of wall, and at least maxFrozenSeconds
	maxFrozenSeconds = 0.02 // as for the clocks: both are of the daemon's wake-up
	// Waking up a dozen threads costs some hundred microseconds of run delay on
	// a machine that does nothing else: more than 2 % of a run of 10 ms. At
	// 250 ms and longer, and so in every standard run, the 2 % decide.
	maxRunDelaySeconds = 0.005
	// The kernel tells idle and stolen time in steps of 10 ms. One step more
	// than there was, which is over 2 % of a run of 500 ms, may be the end of
	// what began long before it, so two are the least that say anything. The
	// half in between is for sums of decimal fractions, which are not exact.
	oneStepSeconds = 0.015
)

// FindNoise returns why the run is dirty, nil when it is clean. It does not
// know of NoiseLostCPU, which only who watched the processes can tell.
//
// Run delay alone would condemn every model with more busy workers than cores,
// for they wait for one another. So it counts only where others can have caused
// as much: by the CPU time that was stolen meanwhile, and by what they used, as
// far as the machine was full. While a core is free nobody waits for them, and
// the hum of an idle system, 2 % of a core, would condemn every model of many
// threads that leaves cores free.
func (f *Figures) FindNoise() []Noise {
	var noise []Noise
	others := true
	if f.ForeignCPUSeconds != nil {
		full := 1.0
		if f.SystemCPUPercentAvg != nil {
			full = *f.SystemCPUPercentAvg / 100
		}
		byOthers := full**f.ForeignCPUSeconds + deref(f.StealSeconds)
		others = byOthers > max(maxRunDelay*f.WallSeconds, oneStepSeconds)
	}
	switch {
	case !others:
	case f.RunDelaySeconds == nil:
		if deref(f.CPUPressurePercent) > maxPressurePct {
			noise = append(noise, NoisePressure)
		}
	case *f.RunDelaySeconds > max(maxRunDelay*f.WallSeconds, maxRunDelaySeconds):
		noise = append(noise, NoiseRunDelay)
	}
	if deref(f.StealPercent) > maxStealPct && deref(f.StealSeconds) > oneStepSeconds {
		noise = append(noise, NoiseSteal)
	}
	if deref(f.ThrottledPeriods) > 0 {
		noise = append(noise, NoiseThrottled)
	}
	skew := math.Abs(f.WallSeconds - f.WorkloadSeconds)
	if skew > math.Max(maxClockSkew*f.WallSeconds, maxClockSkewSeconds) {
		noise = append(noise, NoiseClock)
	}
	if f.FrozenSeconds > math.Max(maxFrozen*f.WallSeconds, maxFrozenSeconds) {
		noise = append(noise, NoiseFrozen)
	}
	return noise
}

// FindServerBound reports whether the httpbin limited the run: it used the
// larger part of what it and the workload shared, with hardly anything left.
// cores is how many the two may use: fewer than the machine has, and a
// fraction, in a container with a limit. The load of the whole machine would
// say nothing there, nor where others fill it, which is noise. False where the
// server's CPU time is not known.
func (f *Figures) FindServerBound(cores float64) bool {
	if f.ServerCPUSeconds == nil || f.WallSeconds <= 0 || cores <= 0 {
		return false
	}
	server, client := *f.ServerCPUSeconds, f.CPUSeconds()
	return server > client && server+client >= 0.9*cores*f.WallSeconds
}

func deref(p *float64) float64 {
	if p == nil {
		return 0
	}
	return *p
}
