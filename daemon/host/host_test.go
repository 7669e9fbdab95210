package host

import "testing"

func TestDescribe(t *testing.T) {
	h, err := Describe()
	if err != nil {
		t.Fatal(err)
	}
	if h.Cores < 1 || h.MemoryBytes < 1<<20 || h.Kernel == "" || h.OS == " " || h.Architecture == "" {
		t.Errorf("description is incomplete: %+v", h)
	}
	if h.CPULimit != nil && *h.CPULimit <= 0 || h.MemoryLimitBytes != nil && *h.MemoryLimitBytes <= 0 {
		t.Errorf("a limit that allows nothing: %+v", h)
	}
}
