package expose

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"benchd/daemon/bench"
)

// maxDecisionBytes bounds the body of a request that decides something.
const maxDecisionBytes = 64 << 10

// decisionTimeout bounds how long one may take.
const decisionTimeout = 5 * time.Second

// maxWords bounds what a person says of a decision, and the name of a baseline.
const maxWords = 500

// acceptRequest is the body of POST /api/v1/changes/accept: of an ID, of a scope,
// or of all.
type acceptRequest struct {
	ID     int64       `json:"id"`
	Scope  bench.Scope `json:"scope"`
	All    bool        `json:"all"`
	Reason string      `json:"reason"`
}

// which is false unless it is of one of the three.
func (r *acceptRequest) which() (bench.Selection, bool) {
	s := bench.Selection{ID: r.ID, Scope: r.Scope}
	switch s {
	case bench.Selection{}:
		return s, r.All
	case bench.Selection{ID: r.ID}:
		return s, r.ID > 0 && !r.All
	case bench.Selection{Scope: r.Scope}:
		return s, slices.Contains(bench.Scopes(), r.Scope) && !r.All
	}
	return s, false
}

// pinRequest is the body of POST and DELETE /api/v1/baselines.
type pinRequest struct {
	Name string `json:"name"`
}

// errRefused is a request that cannot be granted as it is.
var errRefused = errors.New("refused")

// decisions are the requests that change something: the only ones that do.
func (e *Exposer) decisions() map[string]func(*http.Request) (any, error) {
	return map[string]func(*http.Request) (any, error){
		"POST /api/v1/changes/accept": e.accept,
		"POST /api/v1/baselines":      e.pin,
		"DELETE /api/v1/baselines":    e.unpin,
	}
}

// decide answers a decision with what came of it.
func (e *Exposer) decide(act func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxDecisionBytes)
		// Judging waits for it.
		ctx, cancel := context.WithTimeout(r.Context(), decisionTimeout)
		defer cancel()
		r = r.WithContext(ctx)
		done, err := act(r)
		switch {
		case err == nil:
			e.page.renew()
			e.writeJSON(w, http.StatusOK, done)
		case errors.As(err, new(*http.MaxBytesError)):
			e.writeError(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxDecisionBytes))
		case errors.Is(err, errRefused):
			e.writeError(w, http.StatusBadRequest, strings.TrimPrefix(err.Error(), errRefused.Error()+": "))
		case errors.Is(err, bench.ErrNotFound):
			e.writeError(w, http.StatusNotFound, strings.TrimPrefix(err.Error(), bench.ErrNotFound.Error()+": "))
		case errors.Is(err, bench.ErrConflict):
			e.writeError(w, http.StatusConflict, strings.TrimPrefix(err.Error(), bench.ErrConflict.Error()+": "))
		default:
			e.options.Logger.Error("A decision cannot be recorded.", "path", r.URL.Path, "err", err)
			e.writeError(w, http.StatusInternalServerError, "the history cannot be written: benchd's log says why")
		}
	}
}

func (e *Exposer) accept(r *http.Request) (any, error) {
	var request acceptRequest
	if err := readBody(r, &request); err != nil {
		return nil, err
	}
	which, ok := request.which()
	switch {
	case !ok:
		return nil, fmt.Errorf(`%w: want {"id": N} of one change, {"scope": S} with one of %v, or {"all": true}`, errRefused, bench.Scopes())
	case len(request.Reason) > maxWords:
		return nil, fmt.Errorf("%w: the reason has more than %d bytes", errRefused, maxWords)
	}
	by := request.Reason
	if user, _, ok := r.BasicAuth(); ok {
		by = strings.TrimSuffix(user+": "+by, ": ")
	}
	changes, err := e.options.Judge.Accept(r.Context(), which, by)
	if err != nil {
		return nil, err
	}
	if len(changes) > 0 {
		e.options.Logger.Info("Changes were accepted.", "changes", len(changes), "by", by)
	}
	return changesJSON{Changes: changesOf(changes)}, nil
}

func (e *Exposer) pin(r *http.Request) (any, error) {
	request, err := readName(r)
	if err != nil {
		return nil, err
	}
	pin, err := e.options.Judge.Pin(r.Context(), request.Name)
	if err != nil {
		return nil, err
	}
	e.options.Logger.Info("A baseline was pinned.", "name", pin.Name, "levels", len(pin.Levels))
	return baselineJSON{pin.Name, pin.Pinned, len(pin.Levels)}, nil
}

func (e *Exposer) unpin(r *http.Request) (any, error) {
	request, err := readName(r)
	if err != nil {
		return nil, err
	}
	if err := e.options.Judge.Unpin(r.Context(), request.Name); err != nil {
		return nil, err
	}
	e.options.Logger.Info("A baseline was unpinned.", "name", request.Name)
	return request, nil
}

func readName(r *http.Request) (pinRequest, error) {
	var request pinRequest
	if err := readBody(r, &request); err != nil {
		return request, err
	}
	// A name is printed on terminals and is a label: so it must be fit for both.
	unprintable := strings.ContainsFunc(request.Name, func(r rune) bool { return !unicode.IsPrint(r) })
	if request.Name == "" || len(request.Name) > maxWords || unprintable || request.Name != strings.TrimSpace(request.Name) {
		return request, fmt.Errorf(`%w: want {"name": "..."} of 1 to %d bytes that can be printed, without spaces around it`, errRefused, maxWords)
	}
	return request, nil
}

// readBody reads JSON of known keys, and nothing else.
func readBody(r *http.Request, into any) error {
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: the body is not the JSON that is wanted: %w", errRefused, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the body goes on after its JSON", errRefused)
	}
	return nil
}
