package bench

import "errors"

// Why what a person asked for cannot be done; whoever wraps them says what to
// try.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflict")
)
