package protocol

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
)

const (
	goodReady  = `{"type":"ready","protocol":1,"pid":7,"runtime":"3.13.5","client":"aiohttp 3.11.16","gil":"enabled"}`
	goodResult = `{"type":"result","elapsed_seconds":1.5,"items":3,"units":2,"checksum":9,"errors":{"timeout":1},` +
		`"bytes_sent":4,"bytes_received":5,"bytes_written":6,"latency":{"sum_seconds":0.3,"buckets":[{"le":0.1,"count":0},{"le":0.104,"count":3}]}}`
)

func TestParseReady(t *testing.T) {
	got, err := ParseReady([]byte(goodReady))
	want := Ready{Type: "ready", Protocol: 1, PID: 7, Runtime: "3.13.5", Client: "aiohttp 3.11.16", GIL: "enabled"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestParseResult(t *testing.T) {
	got, err := ParseResult([]byte(goodResult + "\n"))
	want := Result{
		Type: "result", ElapsedSeconds: 1.5, Items: 3, Units: 2, Checksum: 9, Errors: map[string]uint64{"timeout": 1},
		BytesSent: 4, BytesReceived: 5, BytesWritten: 6,
		Latency: &Latency{SumSeconds: 0.3, Buckets: []Bucket{{LE: 0.1}, {LE: 0.104, Count: 3}}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestBadReady(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"", "ready: not a JSON object on one line: unexpected end of JSON input"},
		{"hello", "ready: not a JSON object on one line: invalid character 'h' looking for beginning of value"},
		{"[]", "ready: not a JSON object on one line: json: cannot unmarshal array into Go value of type map[string]json.RawMessage"},
		{goodReady + goodReady, "ready: not a JSON object on one line: invalid character '{' after top-level value"},
		{"null", `want a message of type "ready", got type missing`},
		{goodResult, `want a message of type "ready", got type "result"`},
		{edit(goodReady, `"pid":7,`, ""), "ready: pid is missing"},
		{edit(goodReady, `"pid":7`, `"pid":null`), "ready: pid is missing"},
		{edit(goodReady, `"pid":7`, `"pid":0`), "ready: pid is 0, want the id of the process that works"},
		{edit(goodReady, `"pid":7`, `"pid":7,"parent":1`), `ready: json: unknown field "parent"`},
		{edit(goodReady, `"protocol":1`, `"protocol":2`), "ready: protocol is 2, this benchd speaks 1"},
		{edit(goodReady, `"3.13.5"`, `""`), "ready: runtime is empty, want its version"},
		{edit(goodReady, "3.13.5", strings.Repeat("3", 201)), "ready: runtime has 201 bytes, at most 200 are allowed"},
		{edit(goodReady, `"enabled"`, `"on"`), `ready: gil is "on", want "enabled", "disabled" or nothing`},
		{strings.Repeat(" ", MaxMessageBytes) + goodReady, "ready: message has more than 262144 bytes"},
	} {
		_, err := ParseReady([]byte(test.line))
		check(t, test.line, err, test.want)
	}
}

func TestBadResult(t *testing.T) {
	kinds := make(map[string]uint64)
	for i := range 33 {
		kinds[fmt.Sprint("kind", i)] = 0
	}
	manyKinds, _ := json.Marshal(kinds)
	buckets := strings.Repeat(`{"le":1,"count":1},`, 2001)
	for _, test := range []struct{ line, want string }{
		{edit(goodResult, `"units":2,`, ""), "result: units is missing"},
		{edit(goodResult, `"units"`, `"unit"`), "result: units is missing"},
		{edit(goodResult, `"elapsed_seconds":1.5,`, ""), "result: elapsed_seconds is missing"},
		{edit(goodResult, "1.5", "-1"), "result: elapsed_seconds is -1, want 0 or more"},
		{edit(goodResult, `"units":2`, `"units":-2`), "result: json: cannot unmarshal number -2 into Go struct field Result.units of type uint64"},
		{edit(goodResult, `"units":2`, `"units":9007199254740993`), "result: units is 9007199254740993, at most 2^53 is allowed"},
		{edit(goodResult, `"timeout":1`, `"timeout":9007199254740993`), "result: errors of kind timeout is 9007199254740993, at most 2^53 is allowed"},
		{edit(goodResult, `"timeout":1`, `"timeout":4`), "result: 4 errors of 3 items: an item fails once"},
		{edit(goodResult, "timeout", ""), `result: error kind "": want 1 to 50 bytes`},
		{edit(goodResult, `{"timeout":1}`, string(manyKinds)), "result: 33 kinds of errors, at most 32 are allowed: group them"},
		{edit(goodResult, "0.104", "0.1"), "result: latency: bucket 1: le is 0.1, want more than 0.1"},
		{edit(goodResult, `"le":0.1,`, `"le":0,`), "result: latency: bucket 0: le is 0, want more than 0"},
		{edit(goodResult, `"count":3`, `"count":9007199254740993`), "result: latency: bucket 1: count is 9007199254740993, at most 2^53 is allowed"},
		{edit(goodResult, "0.3", "-0.3"), "result: latency: sum_seconds is -0.3, want 0 or more"},
		{edit(goodResult, `"buckets":[`, `"buckets":[`+buckets), "result: latency: 2003 buckets, at most 2000 are allowed"},
	} {
		_, err := ParseResult([]byte(test.line))
		check(t, test.line, err, test.want)
	}
}

func edit(line, old, replacement string) string {
	if !strings.Contains(line, old) {
		panic("nothing to edit: " + old)
	}
	return strings.Replace(line, old, replacement, 1)
}

func check(t *testing.T, line string, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("%.120s\n got %v\nwant %s", line, err, want)
	}
}

// FuzzParseReady: what is accepted is complete, and means the same when it is
// written again.
func FuzzParseReady(f *testing.F) {
	f.Add([]byte(goodReady))
	f.Add([]byte(goodResult))
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := ParseReady(line)
		if err != nil {
			if m != (Ready{}) {
				t.Errorf("refused, yet %+v", m)
			}
			return
		}
		if m.Type != "ready" || m.Protocol != Version || m.PID <= 0 || m.Runtime == "" {
			t.Errorf("accepted %+v", m)
		}
		again, err := ParseReady(encode(t, m))
		if err != nil || again != m {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}

// FuzzParseResult: what is accepted keeps to the bounds that the rest of
// benchd builds on, and means the same when it is written again.
func FuzzParseResult(f *testing.F) {
	f.Add([]byte(goodResult))
	f.Add([]byte(goodReady))
	f.Add([]byte(`{"type":"result","elapsed_seconds":1e308,"items":0,"units":9007199254740992,"checksum":0}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := ParseResult(line)
		if err != nil {
			if !reflect.DeepEqual(m, Result{}) {
				t.Errorf("refused, yet %+v", m)
			}
			return
		}
		if len(line) > MaxMessageBytes || m.Type != "result" {
			t.Errorf("accepted %d bytes of type %q", len(line), m.Type)
		}
		if m.ElapsedSeconds < 0 || math.IsNaN(m.ElapsedSeconds) || math.IsInf(m.ElapsedSeconds, 0) {
			t.Errorf("accepted elapsed_seconds %v", m.ElapsedSeconds)
		}
		for _, n := range []uint64{m.Items, m.Units, m.Checksum, m.BytesSent, m.BytesReceived, m.BytesWritten} {
			if uint64(float64(n)) != n {
				t.Errorf("accepted %d, which a float64 does not hold", n)
			}
		}
		var failed float64
		for kind, n := range m.Errors {
			if failed += float64(n); len(kind) > 50 {
				t.Errorf("accepted error kind %q", kind)
			}
		}
		if failed > float64(m.Items) || len(m.Errors) > 32 {
			t.Errorf("accepted %v errors of %d kinds and %d items", failed, len(m.Errors), m.Items)
		}
		if m.Latency != nil {
			for i, b := range m.Latency.Buckets {
				if b.LE <= 0 || i > 0 && b.LE <= m.Latency.Buckets[i-1].LE {
					t.Errorf("accepted buckets %v", m.Latency.Buckets)
				}
			}
		}
		line = encode(t, m)
		if len(line) > MaxMessageBytes {
			return // numbers are written out longer than they may have been read
		}
		again, err := ParseResult(line)
		if err != nil || string(encode(t, again)) != string(line) {
			t.Errorf("%+v became %+v, %v", m, again, err)
		}
	})
}

func encode(t *testing.T, m any) []byte {
	t.Helper()
	line, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return line
}
