package experiments

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
)

// maxHops bounds the aliases that lead to one value: they can form a circle.
const maxHops = 10

var printablePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,60}$`)

// lineFeeds writes YAML's three line breaks as one, so that lines are counted
// alike wherever they stand (YAML 1.2.2, section 5.4).
var lineFeeds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// document is a YAML file that is being read. go-yaml's decoder would stop at
// the first fault; so its tree is walked here, and every fault collected.
type document struct {
	file    string
	anchors map[string]ast.Node
	faults  []fault
	values  int // that were read
}

// fault is what is wrong at one place of a file.
type fault struct {
	file    string
	line    int
	key     string // path of keys, "" for the whole file
	message string
}

func (f fault) Error() string {
	if f.key == "" {
		return fmt.Sprintf("%s:%d: %s", f.file, f.line, f.message)
	}
	return fmt.Sprintf("%s:%d: %s: %s", f.file, f.line, f.key, f.message)
}

// errors are the faults in the order of their lines, and always the same.
func (d *document) errors() []error {
	slices.SortFunc(d.faults, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.key, b.key), cmp.Compare(a.message, b.message))
	})
	var all []error
	for _, f := range d.faults[:min(len(d.faults), maxFaults)] {
		all = append(all, f)
	}
	if more := len(d.faults) - maxFaults; more > 0 {
		all = append(all, fmt.Errorf("%s: and %d more faults: mend these first", d.file, more))
	}
	return all
}

// read counts values, and reports whether there may be so many. If not, that is
// the one fault of the document.
func (v value) read(n int) bool {
	if v.doc.values > maxValues {
		return false
	}
	if v.doc.values+n > maxValues {
		v.doc.faults = nil
		v.fault("more than %d values, those of aliases included: make the manifest smaller", maxValues)
	}
	v.doc.values += n
	return v.doc.values <= maxValues
}

// value is a place in a document. The zero value stands for one that is
// absent: it reads as zero and has no faults.
type value struct {
	doc  *document
	node ast.Node
	key  string
	line int
}

// open parses the file and returns its top, absent when it cannot be read.
func (d *document) open(data []byte) value {
	top, text := value{doc: d, line: 1}, lineFeeds.Replace(string(data))
	if at := invalidUTF8(text); at >= 0 {
		top.line += strings.Count(text[:at], "\n")
		top.fault("not UTF-8")
		return value{}
	}
	// Duplicate keys are found by mapping, with the other faults.
	tokens := lexer.Tokenize(text)
	if line := tooDeep(tokens); line > 0 {
		top.line = line
		top.fault("nested deeper than %d levels, is it a manifest?", maxDepth)
		return value{}
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax yaml.Error
		message := err.Error()
		if errors.As(err, &syntax) {
			message = syntax.GetMessage()
			if token := syntax.GetToken(); token != nil {
				top.line = token.Position.Line
			}
		}
		top.fault("not YAML: %s", message)
		return value{}
	}
	switch {
	case len(file.Docs) > 1:
		top.at(file.Docs[1].Body).fault("a second YAML document, want one")
		return value{}
	case len(file.Docs) == 1:
		top.node = file.Docs[0].Body
	}
	if top.node != nil {
		ast.Walk(anchors{top}, top.node)
	}
	return top
}

func invalidUTF8(text string) int {
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// anchors collects a document's anchors.
type anchors struct{ top value }

// Visit implements ast.Visitor.
func (a anchors) Visit(node ast.Node) ast.Visitor {
	if anchor, ok := node.(*ast.AnchorNode); ok {
		name, doc := anchor.Name.String(), a.top.doc
		if _, twice := doc.anchors[name]; twice {
			// YAML would have the later one hold from there on.
			a.top.at(anchor).fault("anchor &%s is defined twice", name)
		}
		doc.anchors[name] = anchor.Value
	}
	return a
}

func (v value) fault(format string, args ...any) {
	if v.doc.values > maxValues {
		return
	}
	v.doc.faults = append(v.doc.faults, fault{v.doc.file, v.line, v.key, fmt.Sprintf(format, args...)})
}

func (v value) present() bool { return v.doc != nil }

// at is v with the line of the node, where that is known.
func (v value) at(node ast.Node) value {
	if node != nil {
		if token := node.GetToken(); token != nil && token.Position != nil {
			v.line = token.Position.Line
		}
	}
	return v
}

// resolve follows anchors and aliases to what stands there, nil for nothing.
func (v value) resolve() ast.Node {
	node := v.node
	for range maxHops {
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.AliasNode:
			node = v.doc.anchors[n.Value.String()]
		default:
			return node
		}
	}
	return nil
}

// wrong records that something else is wanted here.
func (v value) wrong(want string) {
	got := "nothing"
	switch n := v.resolve().(type) {
	case nil:
		if _, alias := v.node.(*ast.AliasNode); alias {
			got = "an alias that leads nowhere"
		}
	case *ast.NullNode:
	case *ast.MappingNode:
		got = "a mapping"
	case *ast.SequenceNode:
		got = "a list"
		if len(n.Values) == 0 {
			got = "an empty list"
		}
	case *ast.StringNode:
		got = strconv.Quote(abbreviate(n.Value))
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		got = abbreviate(n.String())
	default:
		got = strconv.Quote(abbreviate(n.String()))
	}
	v.fault("want %s, got %s", want, got)
}

func abbreviate(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "..."
	}
	return s
}

// mapping is a value with keys, each of which is asked for once.
type mapping struct {
	value
	entries map[string]value
	known   []string
}

// mapping reads v as one; it is absent if v is or if it is none.
func (v value) mapping() *mapping {
	if !v.present() {
		return &mapping{}
	}
	node, ok := v.resolve().(*ast.MappingNode)
	if !ok {
		v.wrong("a mapping")
		return &mapping{}
	}
	if !v.read(len(node.Values)) {
		return &mapping{}
	}
	m := &mapping{value: v, entries: make(map[string]value)}
	for _, entry := range node.Values {
		key := entry.Key.String()
		if text, ok := entry.Key.(*ast.StringNode); ok {
			key = text.Value // without its quotes
		}
		if _, twice := m.entries[key]; twice {
			m.at(entry.Key).fault("key %q is there twice", abbreviate(key))
			continue
		}
		path := key
		if !printablePattern.MatchString(key) {
			path = strconv.Quote(abbreviate(key))
		}
		if m.key != "" {
			path = m.key + "." + path
		}
		m.entries[key] = value{doc: v.doc, node: entry.Value, key: path}.at(entry.Key)
	}
	return m
}

// optional is the value of the key, absent if there is none.
func (m *mapping) optional(key string) value {
	m.known = append(m.known, key)
	return m.entries[key]
}

// required is the value of the key, whose absence is a fault.
func (m *mapping) required(key string) value {
	v := m.optional(key)
	if m.present() && !v.present() {
		m.fault("%s is missing", key)
	}
	return v
}

// end refuses the keys that nobody has asked for.
func (m *mapping) end() {
	for _, key := range slices.Sorted(maps.Keys(m.entries)) {
		if !slices.Contains(m.known, key) {
			m.entries[key].fault("unknown key, want one of %s", strings.Join(m.known, ", "))
		}
	}
}

func (v value) isEmptyList() bool {
	if !v.present() {
		return false
	}
	node, ok := v.resolve().(*ast.SequenceNode)
	return ok && len(node.Values) == 0
}

// list is the elements of v, of which there must be one at least.
func (v value) list() []value {
	if !v.present() {
		return nil
	}
	node, ok := v.resolve().(*ast.SequenceNode)
	if !ok || len(node.Values) == 0 {
		v.wrong("a list that is not empty")
		return nil
	}
	if !v.read(len(node.Values)) {
		return nil
	}
	var elements []value
	for i, element := range node.Values {
		e := value{doc: v.doc, node: element, key: fmt.Sprintf("%s[%d]", v.key, i), line: v.line}
		elements = append(elements, e.at(element))
	}
	return elements
}

// text reads a string that is not empty, without the space around it.
func (v value) text() string {
	if !v.present() {
		return ""
	}
	text := ""
	switch n := v.resolve().(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = n.Value.Value
	}
	text = strings.TrimSpace(text)
	if text == "" || !fit(text) {
		v.wrong("text")
		return ""
	}
	if n := utf8.RuneCountInString(text); n > maxText {
		v.fault("want at most %d characters, got %d", maxText, n)
		return ""
	}
	return text
}

// fit reports whether the text can be passed to a process and be a label.
func fit(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

// scalar reads a string, number or boolean as the text that a program gets.
func (v value) scalar() string {
	if !v.present() {
		return ""
	}
	switch n := v.resolve().(type) {
	case *ast.StringNode:
		if fit(n.Value) {
			return n.Value
		}
	case *ast.IntegerNode:
		return fmt.Sprint(n.Value)
	case *ast.FloatNode:
		// Not as written: few languages read the 1_000.5 that YAML allows.
		return strconv.FormatFloat(n.Value, 'f', -1, 64)
	case *ast.BoolNode:
		return strconv.FormatBool(n.Value)
	}
	v.wrong("a string, a number, true or false")
	return ""
}

// integer reads one from least to most.
func (v value) integer(least, most uint64) uint64 {
	if !v.present() {
		return 0
	}
	if n, ok := v.resolve().(*ast.IntegerNode); ok {
		if u, ok := n.Value.(uint64); ok && least <= u && u <= most {
			return u
		}
	}
	bound := strconv.FormatUint(most, 10)
	if most == maxCount {
		bound = "2^53"
	}
	v.wrong(fmt.Sprintf("an integer of %d to %s", least, bound))
	return 0
}

func (v value) boolean() bool {
	if !v.present() {
		return false
	}
	n, ok := v.resolve().(*ast.BoolNode)
	if !ok {
		v.wrong("true or false")
		return false
	}
	return n.Value
}
