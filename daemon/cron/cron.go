// Package cron reads a cron expression and says when it is due next. It stands
// below the flow: the settings are checked with it, and cycles start by it.
//
// It is not a library because the four that were tried were wrong where it
// matters: adhocore/gronx checks a list only up to the member that is due now,
// and leaves out an hour when clocks are set back; robfig/cron takes no 7 for
// Sunday, and takes */90; netresearch/go-cron leaves out times on Lord Howe,
// whose clocks change by half an hour; hashicorp/cronexpr takes */2 for a day
// of the month that is restricted.
package cron

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schedule is a cron expression of five fields, as of crontab(5). It is due at
// every minute that a clock on the wall shows and that matches. So a time that
// the clocks leave out when they are set forward is not due that day, and a
// time that comes twice when they are set back is due twice.
type Schedule struct {
	text                               string
	minutes, hours, days, months, week set
	eitherDay                          bool // the day of the month or that of the week
}

// set has bit n for the value n.
type set uint64

func (s set) has(n int) bool { return s>>n&1 == 1 }

// String is the expression.
func (s *Schedule) String() string { return s.text }

// field says what one of the five may hold.
type field struct {
	name        string
	least, most int
	star        int      // the last value of *: the week has one day twice
	names       []string // of the values from least on
}

var fields = [5]field{
	{name: "minute", most: 59, star: 59},
	{name: "hour", most: 23, star: 23},
	{name: "day of the month", least: 1, most: 31, star: 31},
	{name: "month", least: 1, most: 12, star: 12, names: []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{name: "day of the week", most: 7, star: 6, names: []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
}

// Parse reads an expression. Each field is checked by itself and whole. The
// error names the field and what is wrong with it.
func Parse(expression string) (*Schedule, error) {
	texts := strings.Fields(expression)
	if len(texts) != len(fields) {
		return nil, fmt.Errorf("it has %d fields: want %d, for minute, hour, day of the month, month and day of the week", len(texts), len(fields))
	}
	var sets [5]set
	var faults []error
	for i, f := range fields {
		var err error
		if sets[i], err = f.parse(texts[i]); err != nil {
			faults = append(faults, fmt.Errorf("its %s %w", f.name, err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	s := &Schedule{
		text: expression, minutes: sets[0], hours: sets[1], days: sets[2], months: sets[3],
		week: sets[4] | sets[4]>>7&1, // 7 is Sunday too
		// As in crontab(5): what begins with a star does not restrict.
		eitherDay: texts[2][0] != '*' && texts[4][0] != '*',
	}
	if !s.comes() {
		return nil, errors.New("it is never due: no such day of the month is in these months")
	}
	return s, nil
}

func (f field) parse(text string) (set, error) {
	var all set
	for member := range strings.SplitSeq(text, ",") {
		values, err := f.parseMember(member)
		if err != nil {
			return 0, err
		}
		all |= values
	}
	return all, nil
}

// parseMember reads *, a value or a range, the star and the range with a step
// or without.
func (f field) parseMember(text string) (set, error) {
	rangeOf, stepText, stepped := strings.Cut(text, "/")
	first, last, err := f.parseRange(rangeOf)
	if err != nil {
		return 0, err
	}
	step := 1
	if stepped {
		step, err = whole(stepText)
		switch {
		case first == last:
			return 0, fmt.Errorf("has %q: a step needs a range, such as */2 or %d-%d/2", text, first, f.most)
		case err != nil || step < 1 || step > last-first:
			return 0, fmt.Errorf("has %q: want a step of 1 to %d", text, last-first)
		}
	}
	var values set
	for n := first; n <= last; n += step {
		values |= 1 << n
	}
	return values, nil
}

func (f field) parseRange(text string) (first, last int, err error) {
	if text == "*" {
		return f.least, f.star, nil
	}
	from, to, isRange := strings.Cut(text, "-")
	first, err = f.value(from)
	if err != nil || !isRange {
		return first, first, err
	}
	if last, err = f.value(to); err != nil {
		return 0, 0, err
	}
	if last < first && last == 0 && f.most > f.star {
		last = f.most // FRI-SUN
	}
	if last < first {
		return 0, 0, fmt.Errorf("has %q, which runs backwards: write it as two ranges", text)
	}
	return first, last, nil
}

// value reads a number or a name.
func (f field) value(text string) (int, error) {
	if at := slices.Index(f.names, strings.ToUpper(text)); at >= 0 {
		return f.least + at, nil
	}
	n, err := whole(text)
	if err != nil || n < f.least || n > f.most {
		names := ""
		if len(f.names) > 0 {
			names = fmt.Sprintf(" or %s to %s", f.names[0], f.names[len(f.names)-1])
		}
		return 0, fmt.Errorf("has %q: want %d to %d%s", text, f.least, f.most, names)
	}
	return n, nil
}

// whole reads digits and nothing else; Atoi takes a sign too.
func whole(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err
}

// comes reports whether there is a day at all. Days of the week fall on all
// dates within 40 years, 2100 being no leap year.
func (s *Schedule) comes() bool {
	day := time.Date(2090, time.January, 1, 0, 0, 0, 0, time.UTC)
	for end := day.AddDate(40, 0, 0); day.Before(end); day = day.AddDate(0, 0, 1) {
		if s.onDay(day) {
			return true
		}
	}
	return false
}

func (s *Schedule) onDay(t time.Time) bool {
	day, week := s.days.has(t.Day()), s.week.has(int(t.Weekday()))
	return s.months.has(int(t.Month())) && (day && week || s.eitherDay && (day || week))
}

// Next is the first time after the given one, in its location, at which the
// schedule is due.
//
// Between two changes of the clocks the wall's time runs evenly, so each such
// stretch is looked through by itself.
func (s *Schedule) Next(after time.Time) time.Time {
	from := after.Add(1)
	for {
		name, offset := from.Zone()
		_, change := from.ZoneBounds()
		next := s.nextEvenly(from.In(time.FixedZone(name, offset)))
		if change.IsZero() || next.Before(change) {
			return next.In(after.Location())
		}
		from = change
	}
}

// nextEvenly is the first due time from t on, in a zone whose clocks never change.
func (s *Schedule) nextEvenly(t time.Time) time.Time {
	year, month, day := t.Date()
	next := time.Date(year, month, day, t.Hour(), t.Minute(), 0, 0, t.Location())
	if next.Before(t) {
		next = next.Add(time.Minute)
	}
	for {
		year, month, day := next.Date()
		switch {
		case !s.onDay(next):
			next = time.Date(year, month, day+1, 0, 0, 0, 0, next.Location())
		case !s.hours.has(next.Hour()):
			next = time.Date(year, month, day, next.Hour()+1, 0, 0, 0, next.Location())
		case !s.minutes.has(next.Minute()):
			next = next.Add(time.Minute)
		default:
			return next
		}
	}
}
