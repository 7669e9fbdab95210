package config

import (
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"benchd/daemon/cron"
)

// parser turns the text of the variables into values and collects what is
// wrong with them.
type parser struct {
	settings []setting
	faults   []error
}

func (p *parser) config() Config {
	for i := range p.settings {
		if s := &p.settings[i]; strings.TrimSpace(s.value) != s.value {
			p.faultOf(s, "no blanks at its ends")
		}
	}
	c := Config{
		ListenAddress:  p.address("LISTEN_ADDRESS"),
		WebConfigFile:  p.path("WEB_CONFIG_FILE", p.get("WEB_CONFIG_FILE")),
		PProf:          p.oneOf("PPROF", "true", "false") == "true",
		Size:           p.oneOf("SIZE", "quick", "standard", "original"),
		Schedule:       p.schedule("SCHEDULE"),
		Repeat:         p.integer("REPEAT", 1, 1000),
		Seed:           p.seed("SEED"),
		Tasks:          p.patterns("TASKS"),
		Runtimes:       p.patterns("RUNTIMES"),
		Models:         p.patterns("MODELS"),
		Concurrencies:  p.integers("CONCURRENCIES", 1, 1_000_000),
		Pythons:        p.programs("PYTHONS"),
		HTTPBinURL:     p.httpURL("HTTPBIN_URL"),
		WorkloadsDirs:  p.folders("WORKLOADS_DIR"),
		DataDir:        p.path("DATA_DIR", p.get("DATA_DIR")),
		SampleInterval: p.duration("SAMPLE_INTERVAL", 10*time.Millisecond, 10*time.Second, "100ms"),
		RunTimeout:     p.duration("RUN_TIMEOUT", time.Second, day, "90s or 5m"),
		VerdictCycles:  p.integer("VERDICT_CYCLES", 5, 100),
		Reruns:         p.integer("RERUNS", 0, 1000),
		AcceptAfter:    p.acceptAfter("ACCEPT_AFTER"),

		LeastDifference: p.percent("VERDICT_EFFECT"),
		LeastChange:     p.percent("CHANGE_EFFECT"),
		LogLevel:        p.level("LOG_LEVEL"),
		LogFormat:       p.oneOf("LOG_FORMAT", "text", "json"),
	}
	c.RetentionAge, c.RetentionBytes = p.retention("RETENTION")
	interval := p.setting("INTERVAL")
	switch {
	case p.get("SCHEDULE") == "":
		c.Interval = p.duration("INTERVAL", time.Second, year, "90s, 1h30m or 1d")
	case interval.given:
		p.fault("INTERVAL", "one of %s_INTERVAL and %s_SCHEDULE, not both", prefix, prefix)
	default:
		interval.value = "" // the default means nothing beside a schedule
	}
	return c
}

// setting finds a variable by its name without the prefix. It panics if there
// is none, which every call of Load would show.
func (p *parser) setting(name string) *setting {
	return &p.settings[slices.IndexFunc(p.settings, func(s setting) bool { return s.name == prefix+"_"+name })]
}

func (p *parser) get(name string) string { return p.setting(name).value }

// fault records that the variable has a value that is not allowed.
func (p *parser) fault(name, allowed string, args ...any) {
	p.faultOf(p.setting(name), fmt.Sprintf(allowed, args...))
}

// faultOf records the first fault of a variable: others follow from it.
func (p *parser) faultOf(s *setting, allowed string) {
	if !s.faulty {
		s.faulty = true
		p.faults = append(p.faults, fmt.Errorf("%s is %q: want %s", s.name, s.shown(), allowed))
	}
}

func (p *parser) oneOf(name string, allowed ...string) string {
	value := p.get(name)
	if !slices.Contains(allowed, value) {
		last := len(allowed) - 1
		p.fault(name, "%s or %s", strings.Join(allowed[:last], ", "), allowed[last])
	}
	return value
}

func (p *parser) level(name string) slog.Level {
	var level slog.Level // stays at info, which oneOf has refused, if it is none
	_ = level.UnmarshalText([]byte(p.oneOf(name, "debug", "info", "warn", "error")))
	return level
}

func (p *parser) seed(name string) *uint64 {
	if p.get(name) == "" {
		return nil
	}
	seed, err := strconv.ParseUint(p.get(name), 10, 64)
	if err != nil {
		p.fault(name, "an integer of 0 to 2^64-1, or nothing for a random one")
	}
	return &seed
}

// list splits the value at commas, nil when it is empty.
func (p *parser) list(name string) []string {
	if p.get(name) == "" {
		return nil
	}
	entries := strings.Split(p.get(name), ",")
	for i := range entries {
		entries[i] = strings.TrimSpace(entries[i])
	}
	if slices.Contains(entries, "") {
		p.fault(name, `entries separated by ",", none of them empty`)
	}
	return entries
}

func (p *parser) patterns(name string) []string {
	patterns := p.list(name)
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil {
			p.fault(name, "glob patterns as of Go's path.Match, which %q is not", pattern)
		}
	}
	return patterns
}

// programs are paths, or commands that are looked for on PATH.
func (p *parser) programs(name string) []string {
	entries := p.list(name)
	for _, entry := range entries {
		p.path(name, entry)
	}
	return entries
}

// folders are separated as on PATH; blanks belong to their names.
func (p *parser) folders(name string) []string {
	if p.get(name) == "" {
		return nil
	}
	entries := filepath.SplitList(p.get(name))
	for _, entry := range entries {
		if strings.TrimSpace(entry) != entry || entry == "" {
			p.fault(name, `folders separated by ":", none of them empty, and no blanks around the colon`)
		}
		p.path(name, entry)
	}
	return entries
}

// path refuses what a shell would have expanded or taken off, and what a
// program would take for an option. systemd, Docker and an editor's settings
// hand it on as it stands, and a folder of that name would be made.
func (p *parser) path(name, text string) string {
	if text != "" && strings.ContainsRune("~$-'\"`", rune(text[0])) {
		p.fault(name, "a path in full, since no shell reads %q; or ./%s if that is its name", text, text)
	}
	return text
}

func (p *parser) schedule(name string) *cron.Schedule {
	if p.get(name) == "" {
		return nil
	}
	schedule, err := cron.Parse(p.get(name))
	if err != nil {
		p.fault(name, `a cron expression of five fields, such as "*/30 * * * *"; %s`, strings.ReplaceAll(err.Error(), "\n", "; "))
		return nil
	}
	if zone := os.Getenv("TZ"); !known(zone) {
		p.faults = append(p.faults, fmt.Errorf("TZ is %q, by which %s_SCHEDULE goes: want a time zone such as Europe/Berlin, or nothing for the machine's", zone, prefix))
	}
	return schedule
}

// known says whether Go knows the time zone. One that it does not know it takes
// for UTC without a word.
func known(zone string) bool {
	zone = strings.TrimPrefix(zone, ":")
	if filepath.IsAbs(zone) {
		data, err := os.ReadFile(zone)
		if err == nil {
			_, err = time.LoadLocationFromTZData(zone, data)
		}
		return err == nil
	}
	_, err := time.LoadLocation(zone)
	return err == nil && zone != "Local" // LoadLocation's name for what TZ says
}
