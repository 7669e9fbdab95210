package record

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"benchd/daemon/bench"
)

// encode is for what cannot fail but by a mistake in a type's definition.
func encode(values ...any) ([]string, error) {
	texts := make([]string, len(values))
	for i, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode %T: %w", v, err)
		}
		texts[i] = string(text)
	}
	return texts, nil
}

// encodeFigures refuses NaN and infinities, which JSON has no words for, and
// says which figure it is: a zero in its place would be a wrong figure.
func encodeFigures(f *bench.Figures) (sql.NullString, error) {
	if f == nil {
		return sql.NullString{}, nil
	}
	text, err := json.Marshal(f)
	if err == nil {
		return sql.NullString{String: string(text), Valid: true}, nil
	}
	figures := reflect.ValueOf(*f)
	for i := range figures.NumField() {
		_, err := json.Marshal(figures.Field(i).Interface())
		if bad := (*json.UnsupportedValueError)(nil); errors.As(err, &bad) {
			return sql.NullString{}, fmt.Errorf("%s is %s, not a number that can be kept: %w",
				figures.Type().Field(i).Name, bad.Str, bench.ErrUnrecordable)
		}
	}
	return sql.NullString{}, fmt.Errorf("encode figures: %w: %w", err, bench.ErrUnrecordable)
}
