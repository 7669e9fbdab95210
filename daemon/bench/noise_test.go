package bench

import (
	"slices"
	"testing"
)

// quiet is a run of the given wall time on a machine that tells everything,
// with nothing wrong.
func quiet(wall float64) Figures {
	return Figures{
		WallSeconds: wall, WorkloadSeconds: wall, CPUUserSeconds: wall,
		RunDelaySeconds: new(0.0), ForeignCPUSeconds: new(0.0),
		StealSeconds: new(0.0), StealPercent: new(0.0),
		CPUPressurePercent: new(0.0), ThrottledPeriods: new(0.0),
	}
}

func TestFindNoise(t *testing.T) {
	tests := []struct {
		name string
		wall float64
		edit func(*Figures)
		want []Noise
	}{
		{"nothing wrong", 1, func(*Figures) {}, nil},
		{"a machine that tells nothing", 1, func(f *Figures) { *f = Figures{WallSeconds: 1, WorkloadSeconds: 1} }, nil},

		{"others took the CPU", 1, func(f *Figures) {
			f.RunDelaySeconds, f.ForeignCPUSeconds = new(0.021), new(0.5)
		}, []Noise{NoiseRunDelay}},
		{"others took a little", 1, func(f *Figures) {
			f.RunDelaySeconds, f.ForeignCPUSeconds = new(0.019), new(0.5)
		}, nil},
		{"ten threads waited for one another", 1, func(f *Figures) {
			f.RunDelaySeconds, f.ForeignCPUSeconds = new(8.0), new(0.019)
		}, nil},
		{"ten threads waited, and others were there", 1, func(f *Figures) {
			f.RunDelaySeconds, f.ForeignCPUSeconds = new(8.0), new(0.021)
		}, []Noise{NoiseRunDelay}},
		{"ten threads waited, and others hummed on the free core", 1, func(f *Figures) {
			f.RunDelaySeconds, f.ForeignCPUSeconds, f.SystemCPUPercentAvg = new(0.4), new(0.035), new(50.0)
		}, nil},
		{"ten threads waited, and the same hum had no free core", 1, func(f *Figures) {
			f.RunDelaySeconds, f.ForeignCPUSeconds, f.SystemCPUPercentAvg = new(0.4), new(0.035), new(99.0)
		}, []Noise{NoiseRunDelay}},
		{"they waited for the hypervisor", 1, func(f *Figures) {
			f.RunDelaySeconds, f.StealSeconds = new(8.0), new(0.03)
		}, []Noise{NoiseRunDelay}},
		{"others are not known", 1, func(f *Figures) {
			f.RunDelaySeconds, f.ForeignCPUSeconds = new(0.021), nil
		}, []Noise{NoiseRunDelay}},

		{"a wake-up in a short run", 0.05, func(f *Figures) {
			f.RunDelaySeconds, f.ForeignCPUSeconds = new(0.0049), new(0.02)
		}, nil},
		{"more than a wake-up in a short run", 0.05, func(f *Figures) {
			f.RunDelaySeconds, f.ForeignCPUSeconds = new(0.0051), new(0.02)
		}, []Noise{NoiseRunDelay}},
		{"own delay in a short run, and a step of others", 0.05, func(f *Figures) {
			f.RunDelaySeconds, f.ForeignCPUSeconds = new(0.4), new(0.010000001)
		}, nil},
		{"own delay in a short run, and a step of steal", 0.05, func(f *Figures) {
			f.RunDelaySeconds, f.StealSeconds, f.StealPercent = new(0.4), new(0.01), new(10.0)
		}, nil},
		{"a run of nothing", 0.0003, func(f *Figures) {
			f.RunDelaySeconds, f.ForeignCPUSeconds = new(0.0001), new(0.01)
		}, nil},

		{"pressure, without run delay", 1, func(f *Figures) {
			f.RunDelaySeconds, f.CPUPressurePercent, f.ForeignCPUSeconds = nil, new(31.0), new(0.5)
		}, []Noise{NoisePressure}},
		{"little pressure", 1, func(f *Figures) {
			f.RunDelaySeconds, f.CPUPressurePercent, f.ForeignCPUSeconds = nil, new(29.0), new(0.5)
		}, nil},
		{"pressure of its own", 1, func(f *Figures) {
			f.RunDelaySeconds, f.CPUPressurePercent = nil, new(100.0)
		}, nil},
		{"pressure, but a run delay that says better", 1, func(f *Figures) {
			f.CPUPressurePercent, f.ForeignCPUSeconds = new(100.0), new(0.5)
		}, nil},

		{"steal", 1, func(f *Figures) { f.StealPercent, f.StealSeconds = new(2.1), new(0.04) }, []Noise{NoiseSteal}},
		{"little steal", 1, func(f *Figures) { f.StealPercent, f.StealSeconds = new(2.0), new(0.04) }, nil},
		{"one step of steal in a short run", 0.05, func(f *Figures) { f.StealPercent, f.StealSeconds = new(10.0), new(0.010000001) }, nil},
		{"two steps of steal in a short run", 0.05, func(f *Figures) { f.StealPercent, f.StealSeconds = new(20.0), new(0.02) }, []Noise{NoiseSteal}},

		{"throttled once", 1, func(f *Figures) { f.ThrottledPeriods = new(1.0) }, []Noise{NoiseThrottled}},

		{"the daemon read late", 1, func(f *Figures) { f.WorkloadSeconds = 0.979 }, []Noise{NoiseClock}},
		{"the daemon read a little late", 1, func(f *Figures) { f.WorkloadSeconds = 0.981 }, nil},
		{"the workload claims more than there was", 1, func(f *Figures) { f.WorkloadSeconds = 1.021 }, []Noise{NoiseClock}},
		{"the daemon read late, in a short run", 0.05, func(f *Figures) { f.WorkloadSeconds = 0.031 }, nil},
		{"the daemon read very late, in a short run", 0.05, func(f *Figures) { f.WorkloadSeconds = 0.029 }, []Noise{NoiseClock}},

		{"frozen", 1, func(f *Figures) { f.FrozenSeconds = 0.021 }, []Noise{NoiseFrozen}},
		{"hardly frozen", 1, func(f *Figures) { f.FrozenSeconds = 0.019 }, nil},
		{"hardly frozen, in a short run", 0.05, func(f *Figures) { f.FrozenSeconds = 0.019 }, nil},

		{"everything", 1, func(f *Figures) {
			f.RunDelaySeconds, f.ForeignCPUSeconds, f.WorkloadSeconds = new(1.0), new(1.0), 2
			f.StealPercent, f.StealSeconds, f.ThrottledPeriods = new(50.0), new(1.0), new(9.0)
		}, []Noise{NoiseRunDelay, NoiseSteal, NoiseThrottled, NoiseClock}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := quiet(test.wall)
			test.edit(&f)
			got := f.FindNoise()
			if !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			for _, n := range got {
				if !slices.Contains(Noises(), n) {
					t.Errorf("%s is not among all noises", n)
				}
			}
		})
	}
}

func TestFindServerBound(t *testing.T) {
	tests := []struct {
		name           string
		server, client float64 // CPU seconds in a run of 10 s
		cores          float64
		want           bool
	}{
		{"idle", 0.2, 0.1, 2, false},
		{"on all cores", 18.5, 0.5, 2, true},
		{"on most cores", 17, 0.5, 2, false},
		{"the larger part of all", 10.5, 9, 2, true},
		{"the smaller part of all", 9, 10.5, 2, false},
		{"more than the client, with cores to spare", 8, 4, 2, false},
		{"the limit of a container on a large host", 11, 8.5, 2, true},
		{"half a core", 4.6, 0.1, 0.5, true},
		{"no cores are known", 18, 0.5, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// The whole machine's load may be anything.
			for _, system := range []*float64{nil, new(1.0), new(100.0)} {
				f := Figures{WallSeconds: 10, ServerCPUSeconds: &test.server, CPUUserSeconds: test.client, SystemCPUPercentAvg: system}
				if got := f.FindServerBound(test.cores); got != test.want {
					t.Errorf("got %v, want %v", got, test.want)
				}
			}
		})
	}
	for _, f := range []Figures{
		{WallSeconds: 10, SystemCPUPercentAvg: new(100.0)},
		{ServerCPUSeconds: new(1.0), SystemCPUPercentAvg: new(100.0)},
	} {
		if f.FindServerBound(2) {
			t.Errorf("bound by a server of which nothing is known: %+v", f)
		}
	}
}
