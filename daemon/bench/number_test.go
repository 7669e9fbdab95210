package bench

import (
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestNumbers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		x              float64
		number, signed string // of 3 digits
	}{
		{0, "0", "0"},
		{math.Copysign(0, -1), "0", "0"},
		{1, "1", "+1"},
		{-19.64, "-19.6", "-19.6"},
		{0.00049, "0.00049", "+0.00049"},
		{0.00001234, "0.0000123", "+0.0000123"},
		{1.5e-9, "1.5e-09", "+1.5e-09"},
		{9.996, "10", "+10"},
		{99.96, "100", "+100"},
		{100, "100", "+100"},
		{999.4, "999", "+999"},
		{999.96, "1000", "+1000"},
		{1234.4, "1234", "+1234"},
		{9999.4, "9999", "+9999"},
		{9999.7, "10000", "+10000"},
		{10_000, "10000", "+10000"},
		{123_456, "123456", "+123456"},
		{9_999_700, "9999700", "+9999700"},
		{520_000_000, "520000000", "+520000000"},
		{9.9997e9, "9999700000", "+9999700000"},
		{9.9997e14, "999970000000000", "+999970000000000"},
		{1 << 53, "9.01e+15", "+9.01e+15"},
		{math.MaxUint64, "1.84e+19", "+1.84e+19"},
		{-1e7, "-10000000", "-10000000"},
		{math.MaxFloat64, "1.7976931348623157e+308", "+1.7976931348623157e+308"},
		{math.NaN(), "unknown", "unknown"},
		{math.Inf(1), "more than 1e308", "more than 1e308"},
		{math.Inf(-1), "less than -1e308", "less than -1e308"},
	} {
		if got := Number(test.x, 3); got != test.number {
			t.Errorf("number %v: %s, want %s", test.x, got, test.number)
		}
		if got := Signed(test.x, 3); got != test.signed {
			t.Errorf("signed %v: %s, want %s", test.x, got, test.signed)
		}
	}
}

// FuzzNumber: what is printed is what was meant, as far as its digits go.
func FuzzNumber(f *testing.F) {
	for _, x := range []float64{0, 9999.7, 0.1, -5e-324, math.MaxFloat64, 1e15} {
		f.Add(x, 4)
	}
	f.Fuzz(func(t *testing.T, x float64, digits int) {
		if digits < 1 || digits > 17 || math.IsNaN(x) || math.IsInf(x, 0) {
			return
		}
		text := Number(x, digits)
		back, err := strconv.ParseFloat(text, 64)
		size := math.Abs(x)
		ulp := math.Nextafter(size, math.Inf(1)) - size // of what a float64 can hold
		if err != nil || math.Abs(back-x) > size*0.5000001*math.Pow(10, float64(1-digits))+ulp && size > 1e-300 {
			t.Errorf("%v of %d digits is %s", x, digits, text)
		}
		if size := math.Abs(back); size >= 1e-6 && size < 1e15 && strings.Contains(text, "e") {
			t.Errorf("%v is %s", x, text)
		}
	})
}
