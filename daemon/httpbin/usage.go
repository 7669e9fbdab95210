package httpbin

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"golang.org/x/sys/unix"

	"benchd/daemon/linux"
)

const (
	// maxUsageBytes is some times what a usage has.
	maxUsageBytes = 1 << 10
	// No server has used more, and no machine has more: what is beyond is not of benchd's server.
	maxCores       = 4096
	maxServerBytes = 1 << 50
)

// usage is what the server has used since it was started.
type usage struct {
	CPUSeconds  *float64  `json:"cpu_seconds"`  // user and system
	MemoryBytes *float64  `json:"memory_bytes"` // RSS
	Started     time.Time `json:"started"`      // tells a server that was started anew
	Host        string    `json:"host"`         // the boot id of its kernel
}

// usageError says why an answer is not taken for a usage. The server is there.
type usageError struct{ reason string }

func (e *usageError) Error() string {
	return "what it tells of its usage is not believed: " + e.reason
}

// readUsage reads the answer of a server of which nothing is known.
func readUsage(r io.Reader) (*usage, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxUsageBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxUsageBytes {
		return nil, &usageError{fmt.Sprintf("it has more than %d bytes", maxUsageBytes)}
	}
	var u usage
	if err := json.Unmarshal(text, &u); err != nil {
		return nil, &usageError{"it is not the JSON that benchd httpbin writes"}
	}
	return &u, nil
}

// continues reports whether the usage is a later one of the same process.
func (u *usage) continues(before *usage) bool {
	return before != nil && before.Started.Equal(u.Started) && *u.CPUSeconds >= *before.CPUSeconds
}

// believable holds the usage against what can be, and against the one before,
// nil for none, that was told so long ago.
func (u *usage) believable(before *usage, ago time.Duration) error {
	if u.CPUSeconds == nil || u.MemoryBytes == nil || u.Started.IsZero() {
		return &usageError{"cpu_seconds, memory_bytes or started is missing"}
	}
	// How long it has run, only its own clock tells.
	most := maxCores * (365 * 24 * time.Hour).Seconds()
	if u.continues(before) {
		most = *before.CPUSeconds + maxCores*(ago+time.Second).Seconds()
	}
	if *u.CPUSeconds < 0 || *u.CPUSeconds > most {
		return &usageError{fmt.Sprintf("cpu_seconds is %g", *u.CPUSeconds)}
	}
	if *u.MemoryBytes <= 0 || *u.MemoryBytes > maxServerBytes {
		return &usageError{fmt.Sprintf("memory_bytes is %g", *u.MemoryBytes)}
	}
	return nil
}

func ownUsage(started time.Time) (usage, error) {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return usage{}, fmt.Errorf("getrusage: %w", err)
	}
	p, err := linux.Watch(os.Getpid())
	if err != nil {
		return usage{}, err
	}
	defer p.Close()
	stat, err := p.Stat()
	if err != nil {
		return usage{}, err
	}
	if stat.RSSBytes <= 0 {
		return usage{}, errors.New("the kernel does not tell the resident set")
	}
	return usage{
		CPUSeconds:  new(float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9),
		MemoryBytes: &stat.RSSBytes,
		Started:     started,
		Host:        bootID(),
	}, nil
}
