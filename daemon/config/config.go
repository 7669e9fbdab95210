// Package config reads benchd's settings from the environment: the first step
// of the flow
//
//	config -> experiments -> schedule -> run and measure -> record -> expose
//
// Each variable is documented once, in the tags of environment, from which
// come `benchd config` and the table in the README.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/kelseyhightower/envconfig"
	"github.com/prometheus/exporter-toolkit/web"

	"benchd/daemon/cron"
)

// prefix of every variable, without the underscore that follows it.
const prefix = "BENCHD"

// Config is what the user has set, checked; nil and empty lists select all.
type Config struct {
	ListenAddress string // host:port, the host may be empty
	WebConfigFile string // exporter-toolkit's: TLS, users; "" for none
	PProf         bool   // serve /debug/pprof/

	Size     string         // "quick", "standard", "original"
	Interval time.Duration  // start to start of cycles, at least 1 s; 0 when Schedule is set
	Schedule *cron.Schedule // nil when Interval is set
	Repeat   int            // runs of each experiment per cycle, at least 1
	Seed     *uint64        // of the shuffles; nil: to be drawn

	Tasks, Runtimes, Models []string // glob patterns as of path.Match
	Concurrencies           []int

	Pythons       []string // commands or paths of CPython interpreters; nil: find one
	HTTPBinURL    string   // without a slash at its end; "": benchd starts its own. May hold a password
	WorkloadsDirs []string // further folders of tasks
	DataDir       string

	SampleInterval time.Duration // 10 ms to 10 s
	RunTimeout     time.Duration // at least 1 s

	RetentionAge    time.Duration // of runs in the history; 0 for ever
	RetentionBytes  int64         // of the history; 0 without a limit
	VerdictCycles   int           // that a verdict looks back, 5 to 100
	LeastDifference float64       // between models: a share, 0.05 being 5 %
	LeastChange     float64       // over time: a share
	Reruns          int           // rounds per cycle, 0 for none
	AcceptAfter     time.Duration // of open changes; 0 for never

	LogLevel  slog.Level
	LogFormat string // "text", "json"

	// ServiceLinks are the variables that Kubernetes sets in every pod for a
	// Service whose name begins with benchd. They mean nothing to benchd.
	ServiceLinks []string

	settings []setting // as shown by Table
}

// environment is the text of every variable as envconfig finds it. Its fields
// are strings since envconfig would stop at the first that does not parse,
// and the user shall see all faults at once. They are named by split_words:
// with an envconfig tag, the variable without the prefix would be read too,
// and SIZE or MODELS may well mean something else.
type environment struct {
	ListenAddress  string `split_words:"true" default:"127.0.0.1:9911" desc:"Address to serve on, host:port; :9911 serves every network, without a password unless BENCHD_WEB_CONFIG_FILE sets users."`
	Size           string `split_words:"true" default:"standard" desc:"Size of the tasks: quick (a cycle takes about a minute), standard, or original (the study's own numbers)."`
	Interval       string `split_words:"true" default:"15m" desc:"Time from the start of a cycle to the start of the next, 1s to 1y."`
	Schedule       string `split_words:"true" desc:"Cron expression of five fields, as of crontab(5), that starts the cycles in place of the interval: in the time zone of TZ. A time that the clocks leave out has no cycle, one that comes twice has two."`
	Repeat         string `split_words:"true" default:"1" desc:"Runs of each experiment per cycle, 1 to 1000."`
	Seed           string `split_words:"true" desc:"Seed of the shuffles, 0 to 2^64-1; random when empty, and logged."`
	Tasks          string `split_words:"true" desc:"Tasks to run: comma-separated glob patterns; all when empty."`
	Runtimes       string `split_words:"true" desc:"Runtimes to run, such as go or cpython-*: comma-separated glob patterns; all when empty."`
	Models         string `split_words:"true" desc:"Concurrency models to run: comma-separated glob patterns; all when empty."`
	Concurrencies  string `split_words:"true" desc:"Concurrencies to run: comma-separated integers; all when empty."`
	Pythons        string `split_words:"true" desc:"CPython interpreters, each a runtime of its own: comma-separated commands or paths; when empty, one that can import what the programs need is looked for."`
	HttpbinURL     string `split_words:"true" url:"true" desc:"URL of the httpbin that the IO-bound tasks talk to; when empty, benchd starts its own."`
	WorkloadsDir   string `split_words:"true" desc:"Further folders of tasks, separated by colons."`
	DataDir        string `split_words:"true" default:"benchd-data" desc:"Folder for what benchd records and lays out; made when missing."`
	SampleInterval string `split_words:"true" default:"100ms" desc:"Time between two samples of a run, 10ms to 10s; processes' maximum CPU needs 100ms or more."`
	RunTimeout     string `split_words:"true" default:"5m" desc:"Longest time that the set-up of a run, and its measured region, may each take, 1s to 1d."`
	Retention      string `split_words:"true" default:"400d,4GB" desc:"How long runs are kept, and how large the history may get: age, size, or both with a comma between; 0 for no limit. Age counts the time in which benchd runs, and a day at most of each pause. Statistics of what is dropped are kept."`
	VerdictCycles  string `split_words:"true" default:"20" desc:"Clean cycles that a verdict on models looks back, 5 to 100."`
	VerdictEffect  string `split_words:"true" default:"5%" desc:"Least difference between two models that is of interest, 0.1% to 100%: what is less is the same."`
	ChangeEffect   string `split_words:"true" default:"3%" desc:"Least change of a figure over time that is of interest, 0.1% to 100%: what is less is no regression. Levels wander by 2% on a shared machine."`
	Reruns         string `split_words:"true" default:"6" desc:"Rounds in a cycle, at most, in which experiments that may have got worse are run again at once beside their baseline and the canary, 0 to 1000; 0 switches it off."`
	AcceptAfter    string `split_words:"true" default:"7d" desc:"Time after which an open change is accepted by itself, 1m to 10y, such as 12h or 7d; 0 for never. It counts the time in which benchd runs, and a day at most of each pause."`
	WebConfigFile  string `split_words:"true" desc:"Web configuration file of the Prometheus exporter-toolkit: TLS, users."`
	LogLevel       string `split_words:"true" default:"info" desc:"Least level that is logged: debug, info, warn or error."`
	LogFormat      string `split_words:"true" default:"text" desc:"Format of the log: text or json."`
	Pprof          string `split_words:"true" default:"false" desc:"Serve Go's profiles under /debug/pprof/: true or false."`
}

// Load reads the environment. A variable set to the empty string is as good
// as unset. The error holds every fault, one a line and variable.
func Load() (Config, error) {
	var env environment
	if err := envconfig.Process(prefix, &env); err != nil {
		return Config{}, fmt.Errorf("read environment: %w", err)
	}
	settings, err := describe(&env)
	if err != nil {
		return Config{}, fmt.Errorf("describe environment: %w", err)
	}
	links, faults := unknown(os.Environ(), settings)
	p := parser{settings: settings, faults: faults}
	config := p.config()
	config.settings, config.ServiceLinks = settings, links
	return config, errors.Join(p.faults...)
}

// CheckFiles looks at the files that the daemon needs at its start. The other
// commands do without: a daemon that runs is healthy whatever has become of
// its file.
func (c Config) CheckFiles() error {
	if err := web.Validate(c.WebConfigFile); err != nil {
		return fmt.Errorf("%s_WEB_CONFIG_FILE is %q: want a web configuration file of the exporter-toolkit: %w", prefix, c.WebConfigFile, err)
	}
	return nil
}
