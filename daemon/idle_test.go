package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"benchd/daemon/linux"
)

// BenchmarkIdle measures what the daemon itself costs between two cycles of
// all experiments, left alone and scraped every 15 s, and prints a table. It
// takes two minutes:
//
//	go test -run '^$' -bench Idle -benchtime 1x ./daemon
//
// Allowed are 0.1 % of a core and 30 MB.
func BenchmarkIdle(b *testing.B) {
	const (
		allowedCPU = 0.1 // percent of a core
		allowedRSS = 30  // MB
		span       = 45 * time.Second
	)
	for range b.N {
		// A cycle of the least size is as good as any: what it leaves behind
		// is its results.
		d := startDaemon(b, buildBenchd(b), b.TempDir(), "BENCHD_PYTHONS=", "BENCHD_INTERVAL=1h")
		d.awaitCycleInLog(b)
		t := table.NewWriter()
		t.AppendHeader(table.Row{"idle for", "scraped every", "CPU, % of a core", "RSS MB", "largest", "allowed"})
		for _, interval := range []time.Duration{0, 15 * time.Second} {
			cpu, rss, largest := d.watch(b, span, interval)
			scraped := "never"
			if interval > 0 {
				scraped = interval.String()
			}
			t.AppendRow(table.Row{span, scraped, fmt.Sprintf("%.4f", cpu), fmt.Sprintf("%.1f", rss),
				fmt.Sprintf("%.1f", largest), fmt.Sprintf("%v %%, %v MB", allowedCPU, allowedRSS)})
			if cpu >= allowedCPU || largest >= allowedRSS {
				b.Errorf("idle, scraped every %v: %.4f %% of a core and %.1f MB, allowed are %v and %v", interval, cpu, largest, allowedCPU, allowedRSS)
			}
			if interval == 0 {
				b.ReportMetric(cpu, "CPU-%")
				b.ReportMetric(largest, "RSS-MB")
			}
		}
		fmt.Println(t.RenderMarkdown())
	}
}

// buildBenchd builds benchd as users do: the test binary carries more.
func buildBenchd(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "benchd")
	cmd := exec.CommandContext(b.Context(), "go", "build", "-o", program, ".")
	if output, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, output)
	}
	return program
}

// awaitCycleInLog waits for the end of a cycle without disturbing the daemon.
func (d *daemon) awaitCycleInLog(b *testing.B) {
	b.Helper()
	for !strings.Contains(d.log.String(), `msg="cycle has ended"`) {
		select {
		case <-d.exited:
			b.Fatalf("benchd has ended:\n%s", d.log)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// watch reads the daemon's CPU clock before and after the span, in which it
// scrapes now and then, or never if the interval is 0. The memory is that at
// the end, and the largest seen each second.
func (d *daemon) watch(b *testing.B, span, interval time.Duration) (cpuPercent, rssMB, largestMB float64) {
	b.Helper()
	p, err := linux.Watch(d.cmd.Process.Pid)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	clock := func() time.Duration {
		cpu, err := linux.CPU(p.PID)
		if err != nil {
			b.Fatal(err)
		}
		return cpu
	}
	if interval > 0 {
		d.get(b, "/metrics") // the first one writes down what the others are sent
	}
	time.Sleep(2 * time.Second) // the cycle's end has its own work
	begun, before, scraped := time.Now(), clock(), time.Now()
	for time.Since(begun) < span {
		time.Sleep(time.Second)
		if interval > 0 && time.Since(scraped) >= interval {
			scraped = time.Now()
			d.get(b, "/metrics")
		}
		s, err := p.Stat()
		if err != nil {
			b.Fatal(err)
		}
		rssMB = s.RSSBytes / (1 << 20)
		largestMB = max(largestMB, rssMB)
	}
	return 100 * (clock() - before).Seconds() / time.Since(begun).Seconds(), rssMB, largestMB
}
