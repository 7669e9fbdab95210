package config

import (
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// parseAge reads a duration that may be given in days, which Go's has not.
func parseAge(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || !(n >= 0 && n <= 100_000) { // NaN is neither
			return 0, false
		}
		return time.Duration(n * float64(day)), true
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d >= 0
}

// sizeUnits are by 1,000, as disks are sold, or by 1,024.
var sizeUnits = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
}

func parseSize(text string) (int64, bool) {
	for _, u := range sizeUnits {
		if number, ok := strings.CutSuffix(text, u.suffix); ok {
			n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err != nil || math.IsNaN(n) || n < 0 || n*u.bytes > 1<<62 {
				return 0, false
			}
			return int64(n * u.bytes), true
		}
	}
	return 0, false
}

func (p *parser) age(name string) time.Duration {
	d, ok := parseAge(p.get(name))
	if !ok {
		p.fault(name, "a duration such as 12h or 7d, or 0 for never")
	}
	return d
}

// leastRetention is what the judge needs to look back on.
const leastRetention = day

// retention is an age, a size, or both in either order.
func (p *parser) retention(name string) (age time.Duration, bytes int64) {
	allowed := "an age of at least 1d, a size of at least 10MB, or both, such as 400d,4GB, or 0 for no limit"
	parts := p.list(name, ",")
	for i, part := range parts {
		d, isAge := parseAge(part)
		size, isSize := parseSize(part)
		switch {
		case part == "0" && len(parts) == 1:
		case isAge && d >= leastRetention && age == 0 && i < 2:
			age = d
		case isSize && size >= 10e6 && bytes == 0 && i < 2:
			bytes = size
		default:
			p.fault(name, "%s", allowed)
			return age, bytes
		}
	}
	return age, bytes
}

// percent is a share, given as 5%.
func (p *parser) percent(name string) float64 {
	number, ok := strings.CutSuffix(p.get(name), "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(n >= 0.1 && n <= 100) {
		p.fault(name, "a percentage of 0.1%% to 100%%, such as 5%%")
	}
	return n / 100
}

func (p *parser) between(name string, least, most int) int {
	n, err := strconv.Atoi(p.get(name))
	if err != nil || n < least || n > most {
		p.fault(name, "an integer of %d to %d", least, most)
	}
	return n
}
