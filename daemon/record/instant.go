package record

import (
	"database/sql"
	"database/sql/driver"
	"time"
)

// instant keeps a time as nanoseconds since 1970, and the zero time as NULL.
// The driver's own form is text, which is longer, and sorts only while every
// time is of one zone. What is read is in UTC.
type instant time.Time

// Value implements driver.Valuer.
func (i instant) Value() (driver.Value, error) {
	t := time.Time(i)
	if t.IsZero() {
		return nil, nil
	}
	return t.UnixNano(), nil
}

// Scan implements sql.Scanner.
func (i *instant) Scan(src any) error {
	var ns sql.NullInt64
	if err := ns.Scan(src); err != nil {
		return err
	}
	*i = instant{}
	if ns.Valid {
		*i = instant(time.Unix(0, ns.Int64).UTC())
	}
	return nil
}
