# Short names for what CONTRIBUTING.md describes.

golangci-lint := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
version       := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
revision      := $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
created       := $(shell git log -1 --format=%cI 2>/dev/null)
# Executions of each target. Counted and not timed: at the end of a time the
# fuzzer fails now and then with "context deadline exceeded" on a busy machine
# (golang/go#75804).
fuzz ?= 1000000x

.PHONY: help
help: ## show this
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

.PHONY: build
build: ## build ./benchd, with version, revision and its date from git
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(version) -X main.revision=$(revision) -X main.created=$(created)' -o benchd ./daemon

.PHONY: test
test: ## run all tests
	go test ./...

.PHONY: race
race: ## run all tests under the race detector
	go test -race ./...

.PHONY: faults
faults: ## inject the faults that need root: mounts, full disks, other users, cgroups
	go test -tags faults -run '^TestFault' -count=1 ./...

.PHONY: lint
lint: ## run golangci-lint (built the first time: three minutes)
	go run $(golangci-lint) run

.PHONY: fuzz
fuzz: ## fuzz what parses: make fuzz fuzz=1000000x
	@set -e; targets=$$(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's/:func /:/'); test -n "$$targets"; \
	for target in $$targets; do \
		go test -run '^$$' -fuzz "^$${target#*:}\$$" -fuzztime $(fuzz) "./$$(dirname "$${target%:*}")"; \
	done

.PHONY: golden
golden: ## write the golden files, the dashboards, and the README's table of variables, anew
	go test ./daemon ./daemon/config ./daemon/experiments ./daemon/expose ./grafana -update

.PHONY: bench-detection
bench-detection: ## score the detector on labelled and simulated series, as tables
	go test -run '^$$' -bench Detection -benchtime 1x ./daemon/detect

.PHONY: bench-verdicts
bench-verdicts: ## hold verdicts and scaling against simulated truth, as tables
	go test -run '^$$' -bench . -benchtime 1x ./daemon/compare

.PHONY: bench-history
bench-history: ## time the history at its size, as a table
	go test -run '^$$' -bench History -benchtime 1x -timeout 1h ./daemon/record

.PHONY: bench-endtoend
bench-endtoend: ## slow a workload down and see what the daemon says, as a table
	go test -run '^$$' -bench EndToEnd -benchtime 1x -timeout 1h ./daemon -cycles 200 -neighbour 10m

.PHONY: bench-accuracy
bench-accuracy: ## hold what is measured against independent truth, as a table
	go test -run '^$$' -bench Accuracy -benchtime 1x ./daemon/run

.PHONY: bench-observer
bench-observer: ## show what sampling does to a workload, as a table (15 minutes)
	go test -run '^$$' -bench ObserverEffect -benchtime 100x -timeout 1h ./daemon/run
