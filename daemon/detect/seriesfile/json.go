package seriesfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// readJSON reads one value after the other, so that JSON lines need no care of
// their own. An array stands for its elements. A number, or an object with a number in
// the column, is one run; an object with an array of numbers there is a series.
func readJSON(b *builder, raw []byte, o Options) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var all []any
	for {
		var v any
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			at := d.InputOffset()
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				at = syntax.Offset
			}
			line := 1 + bytes.Count(raw[:min(int(at), len(raw))], []byte("\n"))
			return fmt.Errorf("line %d: is not JSON: %w; try -format csv, or mend the file", line, err)
		}
		all = append(all, v)
	}
	if len(all) == 1 {
		if array, ok := all[0].([]any); ok {
			all = array
		}
	}
	for i, v := range all {
		switch v := v.(type) {
		case json.Number:
			addNumber(b, "", i+1, i+1, v, nil)
		case map[string]any:
			if err := readObject(b, i+1, v, o); err != nil {
				return fmt.Errorf("element %d: %w", i+1, err)
			}
		default:
			b.fault("element %d: is %s: want a number or an object", i+1, kindOf(v))
		}
	}
	return nil
}

func readObject(b *builder, element int, object map[string]any, o Options) error {
	column := o.Column
	if column == "" {
		var err error
		if column, err = onlyColumn(object, o.Block); err != nil {
			return err
		}
	}
	v, ok := object[column]
	if !ok {
		return fmt.Errorf("has no key %q: -column may be one of %s", column, keysOf(object))
	}
	if array, ok := v.([]any); ok {
		name := fmt.Sprint(element)
		for _, key := range []string{"name", "id"} {
			if text, ok := object[key].(string); ok {
				name = text
			}
		}
		for b.has(name) { // two objects are two series
			name += "'"
		}
		for i, x := range array {
			addNumber(b, name, element, i+1, x, nil) // the block of a whole series would be one
		}
		return nil
	}
	var block *string
	if o.Block != "" {
		text, ok := object[o.Block]
		if !ok {
			return fmt.Errorf("has no key %q: -block may be one of %s", o.Block, keysOf(object))
		}
		block = new(fmt.Sprint(text))
	}
	addNumber(b, column, element, element, v, block)
	return nil
}

func (b *builder) has(name string) bool { _, ok := b.byName[name]; return ok }

// onlyColumn is the key that holds figures, "y" where there are several.
func onlyColumn(object map[string]any, block string) (string, error) {
	if _, ok := object["y"]; ok {
		return "y", nil
	}
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(object)) {
		switch v := object[key].(type) {
		case json.Number:
			keys = append(keys, key)
		case []any:
			if len(v) > 0 && kindOf(v[0]) == "a number" {
				keys = append(keys, key)
			}
		}
	}
	keys = slices.DeleteFunc(keys, func(key string) bool { return key == block })
	switch len(keys) {
	case 0:
		return "", fmt.Errorf("has no key with a number or an array of numbers, only %s", keysOf(object))
	case 1:
		return keys[0], nil
	}
	return "", fmt.Errorf("has figures under %s: say which by -column", strings.Join(keys, ", "))
}

func keysOf(object map[string]any) string {
	if len(object) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(object)), ", ")
}

func addNumber(b *builder, name string, element, row int, v any, block *string) {
	text, ok := v.(json.Number)
	if !ok {
		b.fault("element %d: value %d is %s: want a number, leave out what is not known", element, row, kindOf(v))
		return
	}
	x, ok := number(text.String())
	if !ok {
		b.fault("element %d: value %d, %s, is beyond what a float64 holds: use another unit", element, row, text)
		return
	}
	b.add(name, row, x, block)
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case json.Number:
		return "a number"
	case string:
		return fmt.Sprintf("the text %q", v)
	case bool:
		return fmt.Sprint(v)
	case []any:
		return "an array"
	}
	return "an object"
}
