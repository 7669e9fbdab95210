package bench

import "errors"

// Why what a person asked for cannot be done; whoever wraps them says what to
// try.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflict")
)

// ErrUnrecordable is that something can never be recorded, however often it is
// tried.
var ErrUnrecordable = errors.New("please report this as a fault of benchd")

// Selection are open changes: that of an ID, those of a scope, or all of them,
// which is the zero value.
type Selection struct {
	ID    int64
	Scope Scope
}

// Has reports whether the change is selected.
func (s Selection) Has(c *Change) bool {
	return (s.ID == 0 || s.ID == c.ID) && (s.Scope == "" || s.Scope == c.Scope)
}
