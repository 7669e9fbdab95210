package record

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"benchd/daemon/bench"
)

// samplesKept is of how many runs of each experiment the samples are kept.
const samplesKept = 5

// encodeSamples writes the fields one after the other, 8 bytes each: a long run
// has thousands of samples, for which JSON would take longer than all else
// about recording it. Nil for none.
func encodeSamples(samples []bench.Sample) ([]byte, error) {
	for _, s := range samples {
		for _, v := range []float64{s.Seconds, s.CPUPercent, s.MemoryBytes, s.Threads, s.Processes} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, fmt.Errorf("a sample has %v, not a number that can be kept: %w", v, bench.ErrUnrecordable)
			}
		}
	}
	if len(samples) == 0 {
		return nil, nil
	}
	return binary.Append(nil, binary.LittleEndian, samples)
}

func decodeSamples(content []byte) ([]bench.Sample, error) {
	samples := make([]bench.Sample, len(content)/binary.Size(bench.Sample{}))
	if n, err := binary.Decode(content, binary.LittleEndian, samples); err != nil || n != len(content) {
		return nil, fmt.Errorf("%d bytes are no samples", len(content))
	}
	return samples, nil
}

// keepSamples keeps those of the run, and lets go of older ones.
func (w *writing) keepSamples(ctx context.Context, experiment, run int64, content []byte) error {
	if content == nil {
		return nil
	}
	if err := w.put(ctx, &samplesTable, run, experiment, content); err != nil {
		return err
	}
	_, err := w.ExecContext(ctx, `DELETE FROM samples WHERE experiment = ? AND run <=
		(SELECT run FROM samples WHERE experiment = ? ORDER BY run DESC LIMIT 1 OFFSET ?)`, experiment, experiment, samplesKept)
	return err
}

// Samples returns what was seen of the run while it went on, nil when that is
// not kept: it is of the latest five runs of each experiment that had any.
func (s *Store) Samples(ctx context.Context, runID int64) (samples []bench.Sample, err error) {
	err = s.look(ctx, func(in *reading) error {
		var whole bool
		var content []byte
		err := in.QueryRowContext(ctx, `SELECT `+samplesTable.whole("s")+`, content FROM samples s WHERE run = ?`, runID).Scan(&whole, &content)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return nil
		case err != nil:
			return err
		case !whole:
			in.damagedRow(&samplesTable, nil, runID)
			return nil
		}
		samples, err = decodeSamples(content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the samples of run %d: %w", runID, err)
	}
	return samples, nil
}
