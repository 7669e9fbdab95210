package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/adhocore/gronx"
	"github.com/prometheus/exporter-toolkit/web"
)

// parser turns the text of the variables into values and collects what is
// wrong with them.
type parser struct {
	settings []setting
	faults   []error
}

func (p *parser) config() Config {
	c := Config{
		ListenAddress:  p.address("LISTEN_ADDRESS"),
		WebConfigFile:  p.webConfig("WEB_CONFIG_FILE"),
		PProf:          p.boolean("PPROF"),
		Size:           p.oneOf("SIZE", "quick", "standard", "original"),
		Schedule:       p.cron("SCHEDULE"),
		Repeat:         p.integer("REPEAT", p.get("REPEAT"), 1000),
		Seed:           p.seed("SEED"),
		Tasks:          p.patterns("TASKS"),
		Runtimes:       p.patterns("RUNTIMES"),
		Models:         p.patterns("MODELS"),
		Pythons:        p.list("PYTHONS", ","),
		HTTPBinURL:     p.httpURL("HTTPBIN_URL"),
		WorkloadsDirs:  p.list("WORKLOADS_DIR", ":"),
		DataDir:        p.get("DATA_DIR"),
		SampleInterval: p.duration("SAMPLE_INTERVAL", 10*time.Millisecond, 10*time.Second),
		RunTimeout:     p.duration("RUN_TIMEOUT", time.Second, 0),
		VerdictCycles:  p.between("VERDICT_CYCLES", 5, 100),
		Reruns:         p.between("RERUNS", 0, 1000),
		AcceptAfter:    p.age("ACCEPT_AFTER"),

		LeastDifference: p.percent("VERDICT_EFFECT"),
		LeastChange:     p.percent("CHANGE_EFFECT"),
		LogLevel:        p.level("LOG_LEVEL"),
		LogFormat:       p.oneOf("LOG_FORMAT", "text", "json"),
	}
	c.RetentionAge, c.RetentionBytes = p.retention("RETENTION")
	interval := p.setting("INTERVAL")
	switch {
	case c.Schedule == "":
		c.Interval = p.duration("INTERVAL", time.Second, 0)
	case interval.given:
		p.fault("INTERVAL", "one of %s_INTERVAL and %s_SCHEDULE, not both", prefix, prefix)
	default:
		interval.value = "" // the default means nothing beside a schedule
	}
	for _, s := range p.list("CONCURRENCIES", ",") {
		c.Concurrencies = append(c.Concurrencies, p.integer("CONCURRENCIES", s, 1_000_000))
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
	value := redact(p.get(name))
	p.faults = append(p.faults, fmt.Errorf("%s_%s is %q: want %s", prefix, name, value, fmt.Sprintf(allowed, args...)))
}

func (p *parser) oneOf(name string, allowed ...string) string {
	value := p.get(name)
	if !slices.Contains(allowed, value) {
		last := len(allowed) - 1
		p.fault(name, "%s or %s", strings.Join(allowed[:last], ", "), allowed[last])
	}
	return value
}

func (p *parser) boolean(name string) bool { return p.oneOf(name, "true", "false") == "true" }

func (p *parser) level(name string) slog.Level {
	var level slog.Level // stays at info, which oneOf has refused, if it is none
	_ = level.UnmarshalText([]byte(p.oneOf(name, "debug", "info", "warn", "error")))
	return level
}

// duration allows any above the least when most is 0.
func (p *parser) duration(name string, least, most time.Duration) time.Duration {
	d, err := time.ParseDuration(p.get(name))
	switch {
	case most == 0 && (err != nil || d < least):
		p.fault(name, "a duration of at least %v, such as 90s or 1h30m", least)
	case most != 0 && (err != nil || d < least || d > most):
		p.fault(name, "a duration of %v to %v", least, most)
	}
	return d
}

// integer parses text, which is the variable's value or an entry of it.
func (p *parser) integer(name, text string, most int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		p.fault(name, "integers of 1 to %d, not %q", most, text)
	}
	return n
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

// list splits the value, nil when it is empty.
func (p *parser) list(name, separator string) []string {
	if p.get(name) == "" {
		return nil
	}
	entries := strings.Split(p.get(name), separator)
	for i := range entries {
		entries[i] = strings.TrimSpace(entries[i])
	}
	if slices.Contains(entries, "") {
		p.fault(name, "entries separated by %q, none of them empty", separator)
	}
	return entries
}

func (p *parser) patterns(name string) []string {
	patterns := p.list(name, ",")
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil {
			p.fault(name, "glob patterns as of Go's path.Match, which %q is not", pattern)
		}
	}
	return patterns
}

func (p *parser) cron(name string) string {
	schedule := p.get(name)
	if schedule == "" {
		return ""
	}
	// gronx takes tags and six fields as well: seconds, and a year. It takes
	// 31 February too, and only tells when it looks for the next one.
	_, err := gronx.NextTickAfter(schedule, time.Now(), false)
	if len(strings.Fields(schedule)) != 5 || err != nil {
		p.fault(name, `a cron expression of five fields that comes due, such as "*/30 * * * *"`)
	}
	return schedule
}

func (p *parser) address(name string) string {
	address := p.get(name)
	_, port, err := net.SplitHostPort(address)
	number, portErr := strconv.Atoi(port)
	if err != nil || portErr != nil || number < 0 || number > 65535 {
		p.fault(name, "host:port with a port of 0 to 65535, such as :9911 or 127.0.0.1:9911")
	}
	return address
}

func (p *parser) httpURL(name string) string {
	if p.get(name) == "" {
		return ""
	}
	u, err := url.Parse(p.get(name))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		p.fault(name, "a URL with http or https and a host, and without query and fragment, such as http://127.0.0.1:8080")
	}
	return strings.TrimRight(p.get(name), "/")
}

// redact hides the user and password of a URL, also when it cannot be parsed.
func redact(value string) string {
	scheme, rest, isURL := strings.Cut(value, "://")
	at := strings.LastIndex(rest, "@")
	if !isURL || at < 0 {
		return value
	}
	return scheme + "://xxxxx" + rest[at:]
}

func (p *parser) webConfig(name string) string {
	file := p.get(name)
	if err := web.Validate(file); err != nil {
		p.fault(name, "a web configuration file of the exporter-toolkit: %v", err)
	}
	return file
}
