package seriesfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// object is what a member's figures are looked up in. Its values are not
// decoded: most are not asked for.
type object map[string]jsontext.Value

// jsonFile is a file of JSON or JSON lines that is being read.
type jsonFile struct {
	*builder
	Options
	column string // that of the latest object; "" before the first
	keys   string // of the first object without the column
	found  bool   // an object had it
}

// readJSON reads one value after the other, so that JSON lines need no care of
// their own. A leading array stands for its elements. A number, or an object with a number in
// the column, is one run; an object with an array of numbers there is a series.
func readJSON(b *builder, text []byte, o Options) error {
	text = withNulls(withoutComments(text))
	f := jsonFile{builder: b, Options: o, column: o.Column}
	d := jsontext.NewDecoder(bytes.NewBuffer(text))
	for element := 0; !b.full(); {
		kind, depth := d.PeekKind(), d.StackDepth()
		if kind == jsontext.KindBeginArray && element == 0 && depth == 0 || kind == jsontext.KindEndArray && depth == 1 {
			if _, err := d.ReadToken(); err != nil {
				return noJSON(text, err, d)
			}
			continue
		}
		v, err := d.ReadValue()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return noJSON(text, err, d)
		}
		element++
		if err := f.read(element, v); err != nil {
			return fmt.Errorf("element %d: %w", element, err)
		}
	}
	if f.keys != "" && !f.found {
		return fmt.Errorf("no element has the key %q: -column may be one of %s", f.column, f.keys)
	}
	return nil
}

func noJSON(text []byte, err error, d *jsontext.Decoder) error {
	at := d.InputOffset()
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		at, err = syntax.ByteOffset, syntax.Err
	}
	line := 1 + bytes.Count(text[:min(int(at), len(text))], []byte("\n"))
	return fmt.Errorf("line %d: is not JSON: %w; try -format csv, or mend the file", line, err)
}

func (f *jsonFile) read(element int, v jsontext.Value) error {
	switch v.Kind() {
	case jsontext.KindBeginObject:
		var o object
		if err := json.Unmarshal(v, &o); err != nil {
			return err
		}
		return f.readObject(element, o)
	case jsontext.KindBeginArray:
		f.fault("element %d: is an array: want a number or an object", element)
	default:
		if f.Column != "" || f.Block != "" {
			return errors.New("is no object: leave -column and -block out")
		}
		f.addFigure("", element, element, v, nil)
	}
	return nil
}

func (f *jsonFile) readObject(element int, o object) error {
	if err := f.choose(o); err != nil {
		return err
	}
	v, ok := o[f.column]
	if !ok {
		if f.keys == "" {
			f.keys = keysOf(o)
		}
		v = jsontext.Value("null")
	}
	f.found = f.found || ok
	if v.Kind() == jsontext.KindBeginArray {
		f.readArray(element, nameOf(o, element), v)
		return nil
	}
	var block *string
	if f.Block != "" {
		text, ok := o[f.Block]
		switch {
		case !ok:
			return fmt.Errorf("has no key %q: -block may be one of %s", f.Block, keysOf(o))
		case f.Block == f.column:
			return fmt.Errorf("-column and -block are the same key, %q: each value would be a block of its own; name another one", f.Block)
		}
		block = new(textOfValue(text))
	}
	f.addFigure(f.column, element, element, v, block)
	return nil
}

// readArray reads a series. The block of a whole series would be one.
func (f *jsonFile) readArray(element int, name string, array jsontext.Value) {
	for f.has(name) { // two objects are two series
		name += "'"
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(array))
	_, _ = d.ReadToken() // the bracket: that all is JSON is known
	for i := 1; d.PeekKind() != jsontext.KindEndArray && !f.full(); i++ {
		x, err := d.ReadValue()
		if err != nil {
			return
		}
		f.addFigure(name, element, i, x, nil)
	}
}

func (b *builder) has(name string) bool { _, ok := b.byName[name]; return ok }

func nameOf(o object, element int) string {
	for _, key := range []string{"id", "name"} {
		if v := o[key]; v.Kind() == jsontext.KindString {
			return textOfValue(v)
		}
	}
	return fmt.Sprint(element)
}

// choose finds the key that holds figures, "y" where there are several. Where an
// object has none, such as one with null, it is that of the object before.
func (f *jsonFile) choose(o object) error {
	if f.Column != "" {
		return nil
	}
	if _, ok := o["y"]; ok {
		f.column = "y"
		return nil
	}
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if key != f.Block && holdsFigures(o[key]) {
			keys = append(keys, key)
		}
	}
	switch {
	case len(keys) == 1:
		f.column = keys[0]
	case len(keys) > 1:
		return fmt.Errorf("has figures under %s: say which by -column", listOf(keys))
	case f.column == "":
		return fmt.Errorf("has no key with a number or an array of numbers, only %s: say which by -column", keysOf(o))
	}
	return nil
}

func holdsFigures(v jsontext.Value) bool {
	if v.Kind() != jsontext.KindBeginArray {
		return v.Kind() == jsontext.KindNumber
	}
	first := bytes.TrimLeft(v[1:], " \t\n")
	return len(first) > 0 && (first[0] == '-' || first[0] == 'n' || '0' <= first[0] && first[0] <= '9')
}

func keysOf(o object) string {
	if len(o) == 0 {
		return "none"
	}
	return listOf(slices.Sorted(maps.Keys(o)))
}

func (f *jsonFile) addFigure(name string, element, row int, v jsontext.Value, block *string) {
	at := fmt.Sprintf("element %d", element)
	if row != element {
		at += fmt.Sprintf(": value %d", row)
	}
	text := ""
	switch v.Kind() {
	case jsontext.KindNumber, jsontext.KindString:
		text = textOfValue(v)
	case jsontext.KindNull:
	default:
		f.fault("%s: is %s: want a number, or null for one that is not known", at, kindOf(v))
		return
	}
	x, ok := numberOf(text)
	if !ok {
		f.fault("%s: %s", at, isNoNumber(text, "mend or remove it, or name another key by -column"))
		return
	}
	f.add(name, row, x, block)
}

func kindOf(v jsontext.Value) string {
	switch v.Kind() {
	case jsontext.KindBeginArray:
		return "an array"
	case jsontext.KindBeginObject:
		return "an object"
	}
	return string(v)
}

// textOfValue is a text without its quotes, and anything else as it is written.
func textOfValue(v jsontext.Value) string {
	var text string
	if v.Kind() == jsontext.KindString && json.Unmarshal(v, &text) == nil {
		return text
	}
	return string(v)
}

// withNulls replaces the NaN and Infinity that Python's json writes, and that are
// not JSON, by null where they stand outside texts.
func withNulls(text []byte) []byte {
	if !bytes.Contains(text, []byte("NaN")) && !bytes.Contains(text, []byte("Infinity")) {
		return text
	}
	var out strings.Builder
	inText := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			inText = !inText
		case inText && text[i] == '\\' && i+1 < len(text):
			out.WriteByte(text[i])
			i++
		case !inText:
			if n := lengthOfNoNumber(text[i:]); n > 0 {
				out.WriteString("null")
				i += n - 1
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return []byte(out.String())
}

func lengthOfNoNumber(text []byte) int {
	for _, word := range []string{"NaN", "-Infinity", "Infinity"} {
		if bytes.HasPrefix(text, []byte(word)) {
			return len(word)
		}
	}
	return 0
}
