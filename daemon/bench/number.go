package bench

import (
	"math"
	"strconv"
)

// Number is x with so many significant digits, as people write it: whole numbers
// in full, 1000 and not 1e+03, and no zeros at the end of a fraction. An exponent
// is left to what nobody would write out. What is no number is unknown.
func Number(x float64, digits int) string {
	switch {
	case math.IsNaN(x):
		return "unknown"
	case math.IsInf(x, 1):
		return "more than 1e308"
	case math.IsInf(x, -1):
		return "less than -1e308"
	case x == 0:
		return "0" // also where the sign is negative
	}
	if whole := math.Round(x); math.Abs(whole) >= math.Pow10(digits-1) && math.Abs(whole) < 1e15 {
		return strconv.FormatFloat(whole, 'f', -1, 64)
	}
	x = rounded(x, digits)
	if size := math.Abs(x); size < 1e-6 || size >= 1e15 {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

// Signed is Number with a plus sign, for differences.
func Signed(x float64, digits int) string {
	if x > 0 && !math.IsInf(x, 1) {
		return "+" + Number(x, digits)
	}
	return Number(x, digits)
}

func rounded(x float64, digits int) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(x, 'e', digits-1, 64), 64)
	if err != nil { // rounds up beyond what a float64 holds
		return x
	}
	return r
}
