package workload

import (
	"testing"

	"github.com/prometheus/procfs"
)

func TestShed(t *testing.T) {
	resident := func() uint64 {
		self, err := procfs.Self()
		if err != nil {
			t.Fatal(err)
		}
		status, err := self.NewStatus()
		if err != nil {
			t.Fatal(err)
		}
		return status.RssFile
	}
	before := resident()
	Shed()
	if after := resident(); after >= before {
		t.Errorf("%d bytes of files are resident, %d before", after, before)
	}
}
