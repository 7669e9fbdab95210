package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"benchd/daemon/expose"
)

// version and revision are set by the linker in released builds:
// -ldflags "-X main.version=1.2.0 -X main.revision=abc".
var version, revision string

func buildOf() build {
	b := build{Version: version, Revision: revision, GoVersion: runtime.Version()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if b.Version == "" {
		b.Version = "devel"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && b.Revision == "" {
			b.Revision = s.Value
		}
	}
	if b.Revision == "" {
		b.Revision = "unknown"
	}
	return b
}

type build expose.Build

func (b build) String() string {
	return fmt.Sprintf("benchd %s (revision %s, %s)", b.Version, b.Revision, b.GoVersion)
}
