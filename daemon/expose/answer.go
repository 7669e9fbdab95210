package expose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"benchd/daemon/bench"
	"benchd/daemon/terminal"
)

const (
	// answerTimeout bounds how long an answer may take, all of its pieces.
	answerTimeout = 2 * time.Minute
	// pieceTimeout bounds how long a client may take to read one piece.
	pieceTimeout = 10 * time.Second
)

// refusal is a request that is not granted, and the status that says so.
type refusal struct {
	status  int
	message string
}

func (r refusal) Error() string { return r.message }

func badRequest(format string, args ...any) error {
	return refusal{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// errEncoding is an answer that JSON has no form for.
var errEncoding = errors.New("it cannot be encoded")

// answer serves what answers, or returns why it has not.
func (e *Exposer) answer(serve func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
		defer cancel()
		if err := serve(w, r.WithContext(ctx)); err != nil {
			e.fail(w, r, err)
		}
	})
}

// fail says why there is no answer.
func (e *Exposer) fail(w http.ResponseWriter, r *http.Request, err error) {
	var refused refusal
	switch {
	case errors.As(err, &refused):
		e.writeError(w, refused.status, refused.message)
	case errors.Is(err, bench.ErrNotFound):
		e.writeError(w, http.StatusNotFound, strings.TrimPrefix(err.Error(), bench.ErrNotFound.Error()+": "))
	case errors.Is(err, bench.ErrConflict):
		e.writeError(w, http.StatusConflict, strings.TrimPrefix(err.Error(), bench.ErrConflict.Error()+": "))
	case r.Context().Err() != nil: // the client is gone
	case errors.Is(err, context.DeadlineExceeded):
		w.Header().Set("Retry-After", "1")
		e.writeError(w, http.StatusServiceUnavailable, "there is too much to do at the moment: try again in a second, or ask for less")
	default:
		what := "the history cannot be read"
		switch {
		case errors.Is(err, errEncoding):
			what = "the answer cannot be encoded"
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			what = "the history cannot be written"
		}
		e.options.Logger.Error("A request of the API has failed.", "path", r.URL.Path, "err", err)
		e.writeError(w, http.StatusInternalServerError, what+": benchd's log says why")
	}
}

func (e *Exposer) writeError(w http.ResponseWriter, status int, message string) {
	text, err := json.Marshal(map[string]string{"error": message})
	if err != nil {
		panic("a map of strings: " + err.Error()) // cannot fail
	}
	e.send(w, status, append(text, '\n'))
}

// respond sends what build returns, which is in memory already.
func (e *Exposer) respond(w http.ResponseWriter, r *http.Request, build func() (any, error)) error {
	var body bytes.Buffer
	err := e.api.work(r.Context(), func() error {
		v, err := build()
		if err != nil {
			return err
		}
		return encode(&body, v)
	})
	if err == nil {
		e.send(w, http.StatusOK, body.Bytes())
	}
	return err
}

func encode(to *bytes.Buffer, v any) error {
	if err := json.NewEncoder(to).Encode(v); err != nil {
		return fmt.Errorf("%w: %w", errEncoding, err)
	}
	return nil
}

// send sends the whole of an answer.
func (e *Exposer) send(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e.sendPiece(w, body)
}

// sendPiece is false for a client that does not take it in time, or is gone.
func (e *Exposer) sendPiece(w http.ResponseWriter, piece []byte) bool {
	// Not all writers have deadlines; those of connections have.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(pieceTimeout))
	_, err := w.Write(terminal.Escape(piece))
	if err != nil {
		e.options.Logger.Debug("The client did not take the API's answer.", "err", err)
	}
	return err == nil
}

// list is an answer that is mostly one array, which may be long.
type list[T any] struct {
	head  string                                        // the JSON before its items, such as {"runs":[
	next  func(ctx context.Context, n int) ([]T, error) // up to n further items
	id    func(*T) int64                                // of which the next page is before; nil without pages
	limit int                                           // of items
	piece int                                           // so many are read, and in memory, at a time
}

// stream sends a list piece by piece: neither a long list nor a slow client
// takes memory or a connection to the history for longer than a piece takes.
func stream[T any](e *Exposer, w http.ResponseWriter, r *http.Request, l list[T]) error {
	var buffer bytes.Buffer
	buffer.WriteString(l.head)
	var last int64
	for sent, first := 0, true; ; first = false {
		var ended bool
		err := e.api.work(r.Context(), func() error {
			n := min(l.piece, l.limit-sent)
			items, err := l.next(r.Context(), n)
			if err != nil {
				return err
			}
			for i := range items {
				if sent+i > 0 {
					buffer.WriteByte(',')
				}
				if err := encode(&buffer, &items[i]); err != nil {
					return err
				}
				buffer.Truncate(buffer.Len() - 1) // its line end
			}
			if l.id != nil && len(items) > 0 {
				last = l.id(&items[len(items)-1])
			}
			sent += len(items)
			// Fewer than asked for are not the last ones: a damaged row is left out.
			ended = len(items) == 0 || sent == l.limit
			return nil
		})
		switch {
		case err != nil && first:
			return err
		case err != nil:
			// Half an answer has been sent as a good one: it must not look complete.
			e.options.Logger.Error("An answer of the API was broken off.", "path", r.URL.Path, "err", err)
			panic(http.ErrAbortHandler)
		case ended:
			buffer.WriteByte(']')
			if l.id != nil && sent == l.limit {
				fmt.Fprintf(&buffer, `,"next_before":%d`, last) // the next page may be empty
			}
			buffer.WriteString("}\n")
		}
		if first {
			w.Header().Set("Content-Type", "application/json")
		}
		if !e.sendPiece(w, buffer.Bytes()) || ended {
			return nil
		}
		buffer.Reset()
	}
}
