package record

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"benchd/daemon/bench"
)

// RecordPin keeps a pin, in place of one of the same name. It is durable on
// return, as with Record.
func (s *Store) RecordPin(ctx context.Context, p bench.Pin) error {
	texts, err := encode(p.Levels)
	if err == nil {
		err = s.transact(ctx, func(w *writing) error {
			_, err := w.ExecContext(ctx, `DELETE FROM pins WHERE name = ?`, p.Name)
			var id int64
			if err == nil {
				err = w.QueryRowContext(ctx, `SELECT coalesce(max(id), 0) + 1 FROM pins`).Scan(&id)
			}
			if err == nil {
				err = w.put(ctx, &pinsTable, id, p.Name, instant(p.Pinned), texts[0])
			}
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("record pin %q: %w", p.Name, err)
	}
	return nil
}

// Pins returns all pins, the one that was pinned last first, whatever the clock
// said. Their times are in UTC.
func (s *Store) Pins(ctx context.Context) (pins []bench.Pin, err error) {
	err = s.look(ctx, func(in *reading) (err error) {
		pins, err = in.pins(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read pins: %w", err)
	}
	return pins, nil
}

func (in *reading) pins(ctx context.Context) ([]bench.Pin, error) {
	rows, err := in.QueryContext(ctx, `SELECT `+pinsTable.whole("p")+`, id, name, pinned_unix_ns, levels FROM pins p ORDER BY id DESC`)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err tells
	var pins []bench.Pin
	for rows.Next() {
		var whole bool
		var id int64
		var p bench.Pin
		var levels []byte
		if err := rows.Scan(&whole, &id, &p.Name, (*instant)(&p.Pinned), &levels); err != nil || !whole {
			in.damagedRow(&pinsTable, err, id)
			continue
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
	var removed int64
	err := s.transact(ctx, func(w *writing) error {
		result, err := w.ExecContext(ctx, `DELETE FROM pins WHERE name = ?`, name)
		if err == nil {
			removed, err = result.RowsAffected()
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("remove pin %q: %w", name, err)
	}
	if removed > 0 {
		return nil
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
