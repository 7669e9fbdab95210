package workloads_test

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
)

var measure = flag.String("measure", "", "size whose experiments to run, each once, for a table of their times")

// TestMeasure shows whether the sizes fit this machine:
//
//	go test ./workloads -run TestMeasure -measure standard -v -timeout 30m
//
// It is no test of time, but every experiment must yield what is expected.
func TestMeasure(t *testing.T) {
	if *measure == "" {
		t.Skip("only with -measure: it takes minutes")
	}
	server := httptest.NewServer(httpbin.New())
	t.Cleanup(server.Close)
	root := layOut(t)
	fmt.Printf("%-45s %9s %9s %9s\n", "experiment", "seconds", "whole", "units/s")
	begin := time.Now()
	for task, m := range readManifests(t) {
		for _, r := range m.Runtimes {
			for _, model := range r.Models {
				for i, concurrency := range model.concurrencies() {
					name := fmt.Sprintf("%s/%s/%s/%d", task, r.Name, model.Name, concurrency)
					t.Run(name, func(t *testing.T) {
						size := r.Sizes[*measure]
						j := job{
							command: command(t, root, task, r, model), env: environment(root, r), params: size.Params,
							concurrency: concurrency, passes: model.passesOf(*measure, i), httpbin: server.URL,
						}
						started := time.Now()
						_, result := j.run(t)
						fmt.Printf("%-45s %9.2f %9.2f %9.0f\n", name, result.ElapsedSeconds,
							time.Since(started).Seconds(), float64(result.Units)/result.ElapsedSeconds)
						if passes := uint64(j.passes); result.Units != passes*size.Units || result.Checksum != passes*size.Checksum {
							t.Errorf("%d units, checksum %d, want %d times %+v; errors: %v",
								result.Units, result.Checksum, passes, size, result.Errors)
						}
					})
				}
			}
		}
	}
	fmt.Printf("%-45s %9s %9.0f\n", "cycle", "", time.Since(begin).Seconds())
}
