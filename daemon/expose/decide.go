package expose

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"

	"benchd/daemon/bench"
)

// maxDecisionBytes bounds the body of a request that decides something.
const maxDecisionBytes = 64 << 10

// decisionTimeout bounds how long one may take.
const decisionTimeout = 5 * time.Second

// maxWords bounds what a person says of a decision, and the name of a baseline.
const maxWords = 500

// acceptRequest is the body of POST /api/v1/changes/accept: of an ID, of a scope,
// or of all. Pointers tell what is given from what is not.
type acceptRequest struct {
	ID     *int64       `json:"id"`
	Scope  *bench.Scope `json:"scope"`
	All    *bool        `json:"all"`
	Reason string       `json:"reason"`
}

// which is false unless it is of exactly one of the three.
func (r *acceptRequest) which() (bench.Selection, bool) {
	switch {
	case r.ID != nil && r.Scope == nil && r.All == nil:
		return bench.Selection{ID: *r.ID}, *r.ID > 0
	case r.ID == nil && r.Scope != nil && r.All == nil:
		return bench.Selection{Scope: *r.Scope}, slices.Contains(bench.Scopes(), *r.Scope)
	case r.ID == nil && r.Scope == nil && r.All != nil:
		return bench.Selection{}, *r.All
	}
	return bench.Selection{}, false
}

// pinRequest is the body of POST and DELETE /api/v1/baselines.
type pinRequest struct {
	Name string `json:"name"`
}

// decisions are the requests that change something: the only ones that do.
func (e *Exposer) decisions() map[string]func(*http.Request) (any, error) {
	return map[string]func(*http.Request) (any, error){
		"POST /api/v1/changes/accept": e.accept,
		"POST /api/v1/baselines":      e.pin,
		"DELETE /api/v1/baselines":    e.unpin,
	}
}

// decide answers a decision with what came of it. What has arrived whole is
// carried out, whether or not its sender waits for the answer.
func (e *Exposer) decide(act func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxDecisionBytes)
		// Judging waits for it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), decisionTimeout)
		defer cancel()
		done, err := act(r.WithContext(ctx))
		e.page.renew() // part of it may have been done before an error
		var body bytes.Buffer
		if err == nil {
			err = encode(&body, done)
		}
		if err != nil {
			e.fail(w, r, err)
			return
		}
		e.send(w, http.StatusOK, body.Bytes())
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
		return nil, badRequest(`want {"id": N} of one change, {"scope": S} with one of %v, or {"all": true}`, bench.Scopes())
	case len(request.Reason) > maxWords:
		return nil, badRequest("the reason has more than %d bytes", maxWords)
	}
	by := request.Reason
	if user, _, ok := r.BasicAuth(); ok {
		by = strings.TrimSuffix(strings.ToValidUTF8(user, "\uFFFD")+": "+by, ": ")
	}
	changes, err := e.options.Judge.Accept(r.Context(), which, by)
	if len(changes) > 0 { // also before an error
		e.options.Logger.Info("Changes were accepted.", "changes", len(changes), "by", by)
	}
	return changesJSON{changesOf(changes)}, err
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
		return request, badRequest(`want {"name": "..."} of 1 to %d bytes that can be printed, without spaces around it`, maxWords)
	}
	return request, nil
}

// readBody reads one document of JSON in which each key is known, spelt as it is
// here, and there once.
func readBody(r *http.Request, into any) error {
	if given := r.Header.Get("Content-Type"); given != "" {
		kind, more, err := mime.ParseMediaType(given)
		if err != nil || kind != "application/json" || !strings.EqualFold(cmp.Or(more["charset"], "utf-8"), "utf-8") {
			return refusal{http.StatusUnsupportedMediaType,
				fmt.Sprintf("the body is said to be %.50q: send JSON, with the header Content-Type: application/json", given)}
		}
	}
	if packed := r.Header.Get("Content-Encoding"); packed != "" {
		return refusal{http.StatusUnsupportedMediaType, fmt.Sprintf("the body is said to be packed as %.50q: send it as it is", packed)}
	}
	err := json.UnmarshalRead(r.Body, into, json.RejectUnknownMembers(true))
	switch {
	case errors.As(err, new(*http.MaxBytesError)):
		return refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body has more than %d bytes", maxDecisionBytes)}
	case err != nil:
		return badRequest("the body is not the JSON that is wanted: %v", err)
	}
	return nil
}
