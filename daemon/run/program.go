package run

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"benchd/daemon/bench"
	"benchd/daemon/linux"
)

// maxFiles bounds what is looked at of one folder: a program that brings an
// environment of its own along is known by the first of its files.
const maxFiles = 1000

// fingerprint is on what the experiment runs now. It is taken for each run,
// because a program can be replaced while benchd runs.
func (r *Runner) fingerprint(e *bench.Experiment) *bench.Fingerprint {
	f := r.Fingerprint
	f.Program, f.Interpreter = r.files.program(&e.Program), r.files.file(e.Program.Interpreter)
	if !e.HTTPBin {
		f.HTTPBin = ""
	}
	return &f
}

// checksums remembers those of files that have not changed since: benchd itself
// has 30 MB. The zero value is empty.
type checksums map[string]checksum

type checksum struct {
	version fileVersion
	text    string
}

// fileVersion is another one after every writing: the time of change, which
// unlike that of modification nobody can set, is the kernel's.
type fileVersion struct {
	device, inode uint64
	size          int64
	changed       syscall.Timespec
}

// program is a checksum over all files of a program: itself, those beside and
// below it that are of its kind, and those of its libraries. Files of other kinds
// are left out, for interpreters and programs write some there. It is "" if the
// program cannot be read.
func (c *checksums) program(p *bench.Program) string {
	own := c.file(p.File)
	if own == "" {
		return ""
	}
	all := sha256.New()
	fmt.Fprintf(all, "%s\n", own)
	for _, name := range slices.Sorted(maps.Keys(p.Env)) {
		fmt.Fprintf(all, "%s=%q\n", name, p.Env[name])
	}
	if kind := filepath.Ext(p.File); kind != "" {
		for _, folder := range append([]string{filepath.Dir(p.File)}, p.Libraries...) {
			for _, path := range filesOf(folder, kind) {
				below, _ := filepath.Rel(folder, path) // not where the folder lies
				fmt.Fprintf(all, "%q %s\n", below, c.file(path))
			}
		}
	}
	return short(all.Sum(nil))
}

// filesOf are the files of a kind, in a fixed order. Hidden folders are of tools.
func filesOf(folder, kind string) (paths []string) {
	_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil //nolint:nilerr // what cannot be read is not run either
		case entry.IsDir() && path != folder && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case len(paths) >= maxFiles:
			return filepath.SkipAll
		case filepath.Ext(path) == kind:
			paths = append(paths, path)
		}
		return nil
	})
	return paths
}

// file is the checksum of one file, "" if it cannot be read.
func (c *checksums) file(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	stat := info.Sys().(*syscall.Stat_t)
	version := fileVersion{stat.Dev, stat.Ino, stat.Size, stat.Ctim}
	if known, ok := (*c)[path]; ok && known.version == version {
		return known.text
	}
	f, _, err := linux.OpenRegular(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	content := sha256.New()
	if _, err := io.Copy(content, f); err != nil {
		return ""
	}
	if *c == nil {
		*c = checksums{}
	}
	text := short(content.Sum(nil))
	(*c)[path] = checksum{version, text}
	return text
}

// short is enough to tell one program from another, and can be read.
func short(sum []byte) string { return fmt.Sprintf("checksum %.6x", sum) }
