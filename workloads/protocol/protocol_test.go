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
	token      = "4f1c2a9b07d3e865"
	goodResult = `{"type":"result","token":"4f1c2a9b07d3e865","elapsed_seconds":1.5,"items":3,"units":2,"checksum":9,"errors":{"timeout":1},` +
		`"bytes_sent":4,"bytes_received":5,"bytes_written":6,"latency":{"sum_seconds":0.31,"buckets":[{"le":0.1,"count":0},{"le":0.104,"count":3}]}}`
)

func TestParseReady(t *testing.T) {
	got, err := ParseReady([]byte(goodReady))
	want := Ready{Type: "ready", Protocol: 1, PID: 7, Runtime: "3.13.5", Client: "aiohttp 3.11.16", GIL: "enabled"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestParseResult(t *testing.T) {
	got, err := ParseResult([]byte(goodResult+"\n"), token)
	want := Result{
		Type: "result", Token: token, ElapsedSeconds: 1.5, Items: 3, Units: 2, Checksum: 9, Errors: map[string]uint64{"timeout": 1},
		BytesSent: 4, BytesReceived: 5, BytesWritten: 6,
		Latency: &Latency{SumSeconds: 0.31, Buckets: []Bucket{{LE: 0.1}, {LE: 0.104, Count: 3}}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

// Each of these lines was written by a program somewhere, or could have been.
func TestBadReady(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"", "ready: not a JSON object on one line: at byte 0: unexpected EOF"},
		{"hello", "ready: not a JSON object on one line: at byte 0: invalid character 'h' at start of value"},
		{"[]", "ready: not a JSON object on one line"},
		{goodReady + goodReady, "ready: not a JSON object on one line: at byte 99: invalid character '{' after top-level value"},
		{goodReady + "\x00", "ready: not a JSON object on one line: at byte 99: invalid character '\\x00' after top-level value"},
		{"\ufeff" + goodReady, "ready: not a JSON object on one line: at byte 0: invalid character '\\ufeff' at start of value"},
		{edit(goodReady, "3.13.5", "3\xff"), "ready: not a JSON object on one line: at byte 49: invalid UTF-8"},
		{"null", `want a message of type "ready", got type missing`},
		{goodResult, `want a message of type "ready", got type "result"`},
		{edit(goodReady, `"type":"ready"`, `"type":"ready","type":"result"`), "ready: type is there twice"},
		{edit(goodReady, `"pid":7`, `"pid":7,"pid":8`), "ready: pid is there twice"},
		{edit(goodReady, `"pid":7,`, ""), "ready: pid is missing"},
		{edit(goodReady, `"pid":7`, `"pid":null`), "ready: pid is missing"},
		{edit(goodReady, `"pid":7`, `"PID":7`), "ready: pid is missing"},
		{edit(goodReady, `"pid":7`, `"pid":0`), "ready: pid is 0, want the id of the process that works"},
		{edit(goodReady, `"pid":7`, `"pid":7.5`), "ready: pid is 7.5, want a whole number"},
		{edit(goodReady, `"pid":7`, `"pid":"7"`), `ready: pid is of another type, want a whole number`},
		{edit(goodReady, `"pid":7`, `"pid":4294967296`), "ready: pid is 4294967296, want the id of the process that works"},
		{edit(goodReady, `"pid":7`, `"pid":7,"parent":1`), "ready: unknown key parent"},
		{edit(goodReady, `"client"`, `"Client"`), "ready: unknown key Client"},
		{edit(goodReady, `"protocol":1`, `"protocol":2`), "ready: protocol is 2, this benchd speaks 1"},
		{edit(goodReady, `"3.13.5"`, `""`), "ready: runtime is empty, want its version"},
		{edit(goodReady, `"3.13.5"`, `" "`), "ready: runtime is empty, want its version"},
		{edit(goodReady, "3.13.5", strings.Repeat("3", 201)), "ready: runtime has 201 bytes, at most 200 are allowed"},
		{edit(goodReady, "3.13.5", `3\u001b[2J`), `ready: runtime is "3\x1b[2J": control characters are not allowed`},
		{edit(goodReady, "aiohttp 3.11.16", `a\nb`), `ready: client is "a\nb": control characters are not allowed`},
		{edit(goodReady, `"enabled"`, `"on"`), `ready: gil is "on", want "enabled", "disabled" or nothing`},
		{`{"type":"ready","client":` + strings.Repeat("[", 20_000), "ready: not a JSON object on one line: at byte 10024: exceeded max depth"},
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
		{edit(goodResult, `"token":"4f1c2a9b07d3e865",`, ""), "result: token is missing"},
		{edit(goodResult, "4f1c", "0000"), `result: token is "00002a9b07d3e865", want that of the line "start 4f1c2a9b07d3e865": a result comes after it`},
		{edit(goodResult, `"units":2,`, ""), "result: units is missing"},
		{edit(goodResult, `"units"`, `"unit"`), "result: units is missing"},
		{edit(goodResult, `"units"`, `"UNITS"`), "result: units is missing"},
		{edit(goodResult, `"items":3`, `"items":3,"items":10`), "result: items is there twice"},
		{edit(goodResult, `"items":3`, `"items":3,"ITEMS":10`), "result: unknown key ITEMS"},
		{edit(goodResult, `"elapsed_seconds":1.5,`, ""), "result: elapsed_seconds is missing"},
		{edit(goodResult, "1.5", "-1"), "result: elapsed_seconds is -1, want 0 to 1e+09"},
		{edit(goodResult, "1.5", "-0"), "result: elapsed_seconds is -0, want 0 to 1e+09"},
		{edit(goodResult, "1.5", "1e308"), "result: elapsed_seconds is 1e+308, want 0 to 1e+09"},
		{edit(goodResult, "1.5", "1e999"), "result: elapsed_seconds is 1e999, want a number"},
		{edit(goodResult, "1.5", "NaN"), "result: not a JSON object on one line: at byte 62: invalid character 'N' at start of value"},
		{edit(goodResult, `"units":2`, `"units":-2`), "result: units is -2, want a whole number"},
		{edit(goodResult, `"units":2`, `"units":2.5`), "result: units is 2.5, want a whole number"},
		{edit(goodResult, `"units":2`, `"units":2e0`), "result: units is 2e0, want a whole number"},
		{edit(goodResult, `"units":2`, `"units":true`), "result: units is of another type, want a whole number"},
		{edit(goodResult, `"units":2`, `"units":99999999999999999999`), "result: units is 99999999999999999999, want a whole number"},
		{edit(goodResult, `"units":2`, `"units":9007199254740993`), "result: units is 9007199254740993, at most 2^53 is allowed"},
		{edit(goodResult, `{"timeout":1}`, `["timeout"]`), "result: errors is of another type, want an object"},
		{edit(goodResult, `"timeout":1`, `"timeout":9007199254740993`), "result: errors of kind timeout is 9007199254740993, at most 2^53 is allowed"},
		{edit(goodResult, `"timeout":1`, `"timeout":4`), "result: 4 errors of 3 items: an item fails once"},
		{edit(goodResult, `"timeout":1`, `"timeout":1,"timeout":1`), "result: errors.timeout is there twice"},
		{edit(goodResult, `"timeout":1`, `"timeout":1,"\u0074imeout":1`), "result: errors.timeout is there twice"},
		{edit(goodResult, `"timeout":1`, "\"a\xfe\":1,\"a\xff\":1"), "result: not a JSON object on one line: at byte 111: invalid UTF-8"},
		{edit(goodResult, "timeout", `\ud800`), "result: not a JSON object on one line: at byte 110: invalid surrogate pair `\\ud800\":1},\"` in string"},
		{edit(goodResult, "timeout", ""), `result: error kind "": want 1 to 50 bytes, no control characters`},
		{edit(goodResult, "timeout", `a\nb`), `result: error kind "a\nb": want 1 to 50 bytes, no control characters`},
		{edit(goodResult, `{"timeout":1}`, string(manyKinds)), "result: 33 kinds of errors, at most 32 are allowed: group them"},
		{edit(goodResult, "0.104", "0.1"), "result: latency: bucket 1: le is 0.1, want more than 0.1"},
		{edit(goodResult, `"le":0.1,`, `"le":0,`), "result: latency: bucket 0: le is 0, want more than 0"},
		{edit(goodResult, "0.104", "1e300"), "result: latency: bucket 1: le is 1e+300, want 0 to 1e+09"},
		{edit(goodResult, `"le":0.104`, `"le":0.104,"ge":0.1`), "result: unknown key latency.buckets.1.ge"},
		{edit(goodResult, `"count":3`, `"count":-3`), "result: latency.buckets.1.count is -3, want a whole number"},
		{edit(goodResult, `"count":3`, `"count":9007199254740993`), "result: latency: bucket 1: count is 9007199254740993, at most 2^53 is allowed"},
		{edit(goodResult, `"count":3`, `"count":2`), "result: latency: 2 durations of 3 items: want one for each, failed ones included"},
		{edit(goodResult, `"count":3`, `"count":500005`), "result: latency: 500005 durations of 3 items: want one for each, failed ones included"},
		{edit(goodResult, "0.31", "-0.31"), "result: latency: sum_seconds is -0.31, want 0.3 to 0.312 as in the buckets"},
		{edit(goodResult, "0.31", "0"), "result: latency: sum_seconds is 0, want 0.3 to 0.312 as in the buckets"},
		{edit(goodResult, "0.31", "0.32"), "result: latency: sum_seconds is 0.32, want 0.3 to 0.312 as in the buckets"},
		{edit(goodResult, `"buckets":[`, `"buckets":[`+buckets), "result: latency: 2003 buckets, at most 2000 are allowed"},
	} {
		_, err := ParseResult([]byte(test.line), token)
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
	f.Add([]byte(`{"type":"result","token":"4f1c2a9b07d3e865","elapsed_seconds":1e9,"items":0,"units":9007199254740992,"checksum":0}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		m, err := ParseResult(line, token)
		if err != nil {
			if !reflect.DeepEqual(m, Result{}) {
				t.Errorf("refused, yet %+v", m)
			}
			return
		}
		if len(line) > MaxMessageBytes || m.Type != "result" {
			t.Errorf("accepted %d bytes of type %q", len(line), m.Type)
		}
		if !(m.ElapsedSeconds >= 0 && m.ElapsedSeconds <= 1e9) || math.Signbit(m.ElapsedSeconds) {
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
			var durations uint64
			for _, b := range m.Latency.Buckets {
				durations += b.Count
			}
			if durations != m.Items {
				t.Errorf("accepted %d durations of %d items", durations, m.Items)
			}
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
		again, err := ParseResult(line, token)
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
