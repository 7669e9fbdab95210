package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"benchd/daemon/expose"
)

// Set by the linker in released builds:
// -ldflags "-X main.version=1.2.0 -X main.revision=abc -X main.created=2026-11-23T09:00:00Z".
var version, revision, created = "devel", "", ""

// build is what this program was built from, and when.
type build struct {
	expose.Build
	Created string // RFC 3339, as the builder says
}

func buildOf() build {
	b := build{expose.Build{Version: version, Revision: revision, GoVersion: runtime.Version()}, created}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = cmp.Or(b.Revision, s.Value)
			case "vcs.time": // of the commit: what was built is not newer
				b.Created = cmp.Or(b.Created, s.Value)
			}
		}
	}
	b.Revision, b.Created = cmp.Or(b.Revision, "unknown"), cmp.Or(b.Created, "unknown")
	return b
}

func (b build) String() string {
	return fmt.Sprintf("benchd %s (revision %s of %s, %s)", b.Version, b.Revision, b.Created, b.GoVersion)
}
