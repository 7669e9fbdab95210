package record

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"benchd/daemon/bench"
)

// RecordPin keeps a pin, in place of one of the same name. It is durable on
// return, as with Record.
func (s *Store) RecordPin(ctx context.Context, p bench.Pin) error {
	texts, err := encode(p.Levels)
	if err == nil {
		_, err = s.write.ExecContext(ctx, `INSERT INTO pins (name, pinned_unix_ns, levels) VALUES (?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET pinned_unix_ns = excluded.pinned_unix_ns, levels = excluded.levels`,
			p.Name, instant(p.Pinned), texts[0])
	}
	if err != nil {
		return fmt.Errorf("record pin %q: %w", p.Name, s.explain(err))
	}
	return nil
}

// Pins returns all pins, the newest first. Their times are in UTC.
func (s *Store) Pins(ctx context.Context) ([]bench.Pin, error) {
	pins, err := s.pins(ctx)
	if err != nil {
		return nil, fmt.Errorf("read pins: %w", s.explain(err))
	}
	return pins, nil
}

func (s *Store) pins(ctx context.Context) ([]bench.Pin, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT name, pinned_unix_ns, levels FROM pins ORDER BY pinned_unix_ns DESC, name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var pins []bench.Pin
	for rows.Next() {
		var p bench.Pin
		var levels []byte
		if err := rows.Scan(&p.Name, (*instant)(&p.Pinned), &levels); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(levels, &p.Levels); err != nil {
			return nil, fmt.Errorf("pin %q: %w", p.Name, err)
		}
		pins = append(pins, p)
	}
	return pins, rows.Err()
}

// RemovePin forgets a pin. It fails when there is none of that name.
func (s *Store) RemovePin(ctx context.Context, name string) error {
	result, err := s.write.ExecContext(ctx, `DELETE FROM pins WHERE name = ?`, name)
	if err != nil {
		return fmt.Errorf("remove pin %q: %w", name, s.explain(err))
	}
	if n, err := result.RowsAffected(); err != nil || n > 0 {
		return err
	}
	pins, err := s.Pins(ctx)
	if err != nil {
		return err
	}
	if len(pins) == 0 {
		return fmt.Errorf("remove pin %q: there are no pins", name)
	}
	names := make([]string, len(pins))
	for i, p := range pins {
		names[i] = p.Name
	}
	return fmt.Errorf("remove pin %q: there is no such pin, choose one of %s", name, strings.Join(names, ", "))
}
