package experiments

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/goccy/go-yaml/token"

	"benchd/daemon/linux"
)

// Bounds of a manifest. Those that benchd ships have 1 to 4 kB and a depth of
// 6. go-yaml has none of its own, and its parser takes time and memory by the
// square of depth and of length: 100 kB of brackets took 4 GB.
const (
	maxManifestBytes = 64 << 10
	maxDepth         = 32
	maxValues        = 50_000 // after aliases were followed, of which some lines make billions
	maxFaults        = 20     // reported for one manifest
	maxText          = 2000   // characters
)

// readManifest reads the file whole, or says why it is none.
func readManifest(file string) ([]byte, error) {
	f, before, err := linux.OpenRegular(file)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifestBytes+1))
	if err != nil {
		return nil, withoutPath(err)
	}
	if len(data) > maxManifestBytes {
		return nil, fmt.Errorf("has more than %d kB, is it a manifest?", maxManifestBytes>>10)
	}
	after, err := f.Stat()
	if err != nil {
		return nil, withoutPath(err)
	}
	if after.Size() != int64(len(data)) || !after.ModTime().Equal(before.ModTime()) {
		return nil, errors.New("changed while it was read: start again when it is complete")
	}
	return data, nil
}

// withoutPath is the error of a file that is named already.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// tooDeep is the line in which YAML is nested beyond maxDepth, 0 for nowhere.
// What is nested by indentation needs no look, for the length bounds it.
func tooDeep(tokens token.Tokens) (line int) {
	flow, run := 0, 0 // open brackets; markers that follow one another, each a level deeper
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow, run = flow+1, 0
		case token.SequenceEndType, token.MappingEndType:
			flow, run = flow-1, 0
		case token.SequenceEntryType, token.MappingKeyType:
			if t.Position.Line != line {
				run = 0
			}
			run++
		case token.TagType:
			run++
		default:
			run = 0
		}
		if line = t.Position.Line; flow+run > maxDepth {
			return line
		}
	}
	return 0
}
