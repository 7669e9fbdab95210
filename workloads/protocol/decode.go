package protocol

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// decode reads exactly one JSON object of the given type. It refuses what it
// does not know, what is missing and what is there twice: none of it must
// become a silent zero, or one of two values by chance.
func decode(line []byte, kind string, into any, required ...string) error {
	if len(line) > MaxMessageBytes {
		return fmt.Errorf("%s: message has more than %d bytes", kind, MaxMessageBytes)
	}
	var fields map[string]jsontext.Value
	if err := json.Unmarshal(line, &fields); err != nil {
		return fmt.Errorf("%s: %w", kind, inWords(err))
	}
	var got string
	if err := json.Unmarshal(fields["type"], &got); err != nil || got != kind {
		return fmt.Errorf("want a message of type %q, got type %.20s", kind, cmp.Or(string(fields["type"]), "missing"))
	}
	for _, key := range required {
		if value, ok := fields[key]; !ok || value.Kind() == jsontext.KindNull {
			return fmt.Errorf("%s: %s is missing", kind, key)
		}
	}
	if err := json.Unmarshal(line, into, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("%s: %w", kind, inWords(err))
	}
	return nil
}

// inWords says what is wrong in words of JSON. Those of the library are of Go's
// types, and are chosen anew in each process, so that nobody relies on them.
func inWords(err error) error {
	var syntax *jsontext.SyntacticError
	var semantic *json.SemanticError
	switch {
	case errors.As(err, &syntax) && errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("%s is there twice", nameOf(syntax.JSONPointer))
	case errors.As(err, &syntax):
		return fmt.Errorf("not a JSON object on one line: at byte %d: %w", syntax.ByteOffset, syntax.Err)
	case errors.As(err, &semantic) && errors.Is(err, json.ErrUnknownName):
		return fmt.Errorf("unknown key %s", nameOf(semantic.JSONPointer))
	case errors.As(err, &semantic) && semantic.JSONPointer == "":
		return errors.New("not a JSON object on one line")
	case errors.As(err, &semantic):
		return fmt.Errorf("%s is %.40s, want %s", nameOf(semantic.JSONPointer), cmp.Or(string(semantic.JSONValue), "of another type"), wanted(semantic.GoType))
	}
	return err
}

func nameOf(pointer jsontext.Pointer) string {
	return strings.ReplaceAll(strings.TrimPrefix(string(pointer), "/"), "/", ".")
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Uint64, reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.String:
		return "a text"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}
