package config

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
)

const (
	day  = 24 * time.Hour
	year = 365 * day
)

// parseDuration reads durations as Prometheus does: whole numbers, units from
// ms to y. Go's has no days.
func parseDuration(text string, least, most time.Duration) (time.Duration, bool) {
	d, err := model.ParseDuration(text)
	return time.Duration(d), err == nil && time.Duration(d) >= least && time.Duration(d) <= most
}

func (p *parser) duration(name string, least, most time.Duration, example string) time.Duration {
	d, ok := parseDuration(p.get(name), least, most)
	if !ok {
		p.fault(name, "a duration of %v to %v, such as %s", model.Duration(least), model.Duration(most), example)
	}
	return d
}

func (p *parser) acceptAfter(name string) time.Duration {
	if p.get(name) == "0" {
		return 0
	}
	d, ok := parseDuration(p.get(name), time.Minute, 10*year)
	if !ok {
		p.fault(name, "a duration of 1m to 10y, such as 12h or 7d, or 0 for never")
	}
	return d
}

// decimal is a number as people write one. ParseFloat takes signs, exponents,
// hexadecimal digits, infinity and NaN besides.
var decimal = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`) })

func parseDecimal(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && decimal().MatchString(text)
}

// sizeUnits are by 1,000, as disks are sold, or by 1,024.
var sizeUnits = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
}

func parseSize(text string, least, most float64) (int64, bool) {
	for _, u := range sizeUnits {
		if number, found := strings.CutSuffix(text, u.suffix); found {
			n, ok := parseDecimal(number)
			return int64(n * u.bytes), ok && n*u.bytes >= least && n*u.bytes <= most
		}
	}
	return 0, false
}

// retention is an age, a size, or both in either order. A day is what the
// judge needs to look back on.
func (p *parser) retention(name string) (age time.Duration, bytes int64) {
	if p.get(name) == "0" {
		return 0, 0
	}
	for _, part := range p.list(name) {
		d, isAge := parseDuration(part, day, 100*year)
		size, isSize := parseSize(part, 10e6, 1e15)
		switch {
		case isAge && age == 0:
			age = d
		case isSize && bytes == 0:
			bytes = size
		default:
			p.fault(name, "an age of 1d to 100y, a size of 10MB to 1000TB in KB, MB, GB, TB, KiB, MiB, GiB or TiB, or both, such as 400d,4GB, or 0 alone for no limit")
		}
	}
	return age, bytes
}

// percent is a share, given as 5%.
func (p *parser) percent(name string) float64 {
	number, found := strings.CutSuffix(p.get(name), "%")
	n, ok := parseDecimal(number)
	if !found || !ok || n < 0.1 || n > 100 {
		p.fault(name, "a percentage of 0.1%% to 100%%, such as 5%%")
	}
	return n / 100
}

// parseInteger takes digits and nothing else; Atoi takes a sign too.
func parseInteger(text string, least, most int) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 31)
	return int(n), err == nil && int(n) >= least && int(n) <= most
}

func (p *parser) integer(name string, least, most int) int {
	n, ok := parseInteger(p.get(name), least, most)
	if !ok {
		p.fault(name, "an integer of %d to %d", least, most)
	}
	return n
}

func (p *parser) integers(name string, least, most int) []int {
	var all []int
	for _, entry := range p.list(name) {
		n, ok := parseInteger(entry, least, most)
		if !ok {
			p.fault(name, "integers of %d to %d, which %q is not", least, most, entry)
		}
		all = append(all, n)
	}
	return all
}
