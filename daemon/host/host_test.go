package host

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

func TestDescribe(t *testing.T) {
	h := Describe()
	if h.Cores < 1 || h.Kernel == "" || h.OS == "" || h.Architecture == "" {
		t.Errorf("description is incomplete: %+v", h)
	}
	if h.CPULimit != nil && *h.CPULimit <= 0 || h.MemoryLimitBytes != nil && *h.MemoryLimitBytes <= 0 {
		t.Errorf("a limit that allows nothing: %+v", h)
	}
	meminfo, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	kib, err := strconv.ParseFloat(strings.Fields(string(meminfo))[1], 64)
	if err != nil || kib*1024 != h.MemoryBytes {
		t.Errorf("memory is %v bytes, the kernel's file says %v KiB, %v", h.MemoryBytes, kib, err)
	}
}
