package bench

import "time"

// Live is what can be seen of the run that is going on.
type Live struct {
	Key
	Since       time.Time // when its process was started
	CPUPercent  float64   // over the latest sample, 100 being one core
	MemoryBytes float64   // defined as in Figures; 0 where it is not told
	Threads     float64
	Processes   float64
}

// Host is the machine, as far as it bears on the figures. Pointers are nil
// where there is no limit.
type Host struct {
	CPUModel         string   `json:"cpu_model"`
	Cores            int      `json:"cores"` // logical, that this process may use
	MemoryBytes      float64  `json:"memory_bytes"`
	Kernel           string   `json:"kernel"`
	OS               string   `json:"os"`
	Architecture     string   `json:"architecture"`
	CPULimit         *float64 `json:"cpu_limit"`          // cores that the cgroup may use
	MemoryLimitBytes *float64 `json:"memory_limit_bytes"` // of the cgroup
}

// Server is the httpbin as the daemon sees it. Its figures are nil where it
// does not tell them: benchd's own does, any other does not.
type Server struct {
	URL         string
	SameHost    bool // it takes its CPU time from the cores that the workload uses
	Up          bool
	CPUSeconds  *float64 // since it was started, user and system
	MemoryBytes *float64 // RSS
	Restarts    int      // since the daemon was started
}
