package record

import (
	"fmt"
	"strings"
)

// schemaVersion is the user_version of the files that this benchd writes.
const schemaVersion = 1

// table is one of the schema. Its rows end in a checksum, or are addressed.
type table struct {
	name    string
	kind    string   // of a row: a metric's label, and a word of messages
	columns []string // definitions; the names are their first words
	key     int      // so many of the first columns tell a row from the others, 1 for 0
	// addressed rows have the checksum of the rest for their id. Many rows refer
	// to them; one that was damaged is made anew when it is needed next, and those
	// that refer to it are whole again.
	addressed bool
	indexes   []string
}

// names are those of the columns, without the checksum.
func (t *table) names() []string {
	names := make([]string, len(t.columns))
	for i, definition := range t.columns {
		names[i], _, _ = strings.Cut(definition, " ")
	}
	return names
}

// keys are the names of the columns that tell a row from the others.
func (t *table) keys() []string { return t.names()[:max(1, t.key)] }

func (t *table) create() string {
	lines := append([]string{}, t.columns...)
	if !t.addressed {
		lines = append(lines, "sum INTEGER NOT NULL")
	}
	options := "STRICT"
	if t.key > 1 {
		lines = append(lines, "PRIMARY KEY ("+strings.Join(t.keys(), ", ")+")")
		options = "STRICT, WITHOUT ROWID"
	}
	statements := []string{fmt.Sprintf("CREATE TABLE %s (%s) %s", t.name, strings.Join(lines, ", "), options)}
	for _, index := range t.indexes {
		statements = append(statements, "CREATE INDEX "+index)
	}
	return strings.Join(statements, ";\n")
}

// The tables. Only what is searched or sorted by is a column. The figures are
// JSON, as the API shows them; they come last, because SQLite reads a row's pages
// only as far as the columns it needs. There are no foreign keys: a row must not
// go because another one is damaged.
var (
	// Tables of their own keep few texts out of many rows and their indexes.
	experimentsTable = table{name: "experiments", kind: "experiment", addressed: true, columns: []string{
		"id INTEGER PRIMARY KEY", "task TEXT NOT NULL", "runtime TEXT NOT NULL", "model TEXT NOT NULL", "concurrency INTEGER NOT NULL",
	}}
	inputsTable = table{name: "inputs", kind: "input", addressed: true, columns: []string{
		"id INTEGER PRIMARY KEY", "name TEXT NOT NULL",
	}}
	fingerprintsTable = table{name: "fingerprints", kind: "fingerprint", addressed: true, columns: []string{
		"id INTEGER PRIMARY KEY", "content TEXT NOT NULL", // JSON
	}}

	runsTable = table{name: "runs", kind: "run", columns: []string{
		"id INTEGER PRIMARY KEY",
		"experiment INTEGER NOT NULL",
		"cycle INTEGER NOT NULL",
		"started_unix_ns INTEGER",
		"ended_unix_ns INTEGER",
		"uptime_ns INTEGER NOT NULL",
		"outcome TEXT NOT NULL",
		"warm_up INTEGER NOT NULL",
		"rerun INTEGER NOT NULL",
		"server_bound INTEGER NOT NULL",
		"noise TEXT", // JSON, NULL for a clean run
		"unit TEXT NOT NULL",
		"size TEXT NOT NULL",
		"input INTEGER NOT NULL",
		"fingerprint INTEGER",
		"exit TEXT NOT NULL",     // JSON
		"versions TEXT NOT NULL", // JSON
		"error TEXT NOT NULL",
		"figures TEXT", // JSON, NULL if the measured region was not finished
		"output TEXT NOT NULL",
	}, indexes: []string{ // each ends in the run's id, so it also yields the newest first
		"runs_by_experiment ON runs (experiment)",
		"runs_by_experiment_and_outcome ON runs (experiment, outcome)",
		"runs_by_outcome ON runs (outcome)",
		"runs_by_cycle ON runs (cycle)",
	}}

	// Without a rowid the newest points of each series, sound ones apart from the
	// others, lie beside one another.
	pointsTable = table{name: "points", kind: "point", key: 4, columns: []string{
		"experiment INTEGER NOT NULL",
		"input INTEGER NOT NULL",
		"sound INTEGER NOT NULL",
		"run INTEGER NOT NULL", // which the point may outlive
		"cycle INTEGER NOT NULL",
		"started_unix_ns INTEGER",
		"seconds_per_unit REAL NOT NULL", // 0 here and below: it has none
		"cpu_seconds_per_unit REAL NOT NULL",
		"peak_memory_bytes REAL NOT NULL",
		"latency_p50_seconds REAL NOT NULL",
		"latency_p99_seconds REAL NOT NULL",
		"error_ratio REAL NOT NULL",
	}}

	samplesTable = table{name: "samples", kind: "samples", columns: []string{
		"run INTEGER PRIMARY KEY", "experiment INTEGER NOT NULL", "content BLOB NOT NULL", // see sample.go
	}, indexes: []string{"samples_by_experiment ON samples (experiment)"}}

	cyclesTable = table{name: "cycles", kind: "cycle", columns: []string{
		"number INTEGER PRIMARY KEY",
		"seed INTEGER NOT NULL", // the 64 bits as a signed number
		"warm_up INTEGER NOT NULL",
		"started_unix_ns INTEGER",
		"ended_unix_ns INTEGER", // NULL for a cycle whose end was not seen
		"total INTEGER NOT NULL",
		"done INTEGER NOT NULL",
		"reruns INTEGER NOT NULL",
		"overran INTEGER NOT NULL",
		"next_unix_ns INTEGER",
	}}

	changesTable = table{name: "changes", kind: "change", columns: []string{
		"id INTEGER PRIMARY KEY",
		"experiment INTEGER NOT NULL",
		"input INTEGER NOT NULL",
		"figure TEXT NOT NULL",
		"open INTEGER NOT NULL",
		"uptime_ns INTEGER NOT NULL", // when it was first recorded
		"level INTEGER NOT NULL",     // a run, which may have been dropped
		"old TEXT NOT NULL",          // JSON
		"details TEXT NOT NULL",      // JSON: the change as the API shows it
	}, indexes: []string{
		"changes_by_series ON changes (experiment, input, figure)",
		"changes_open ON changes (experiment) WHERE open",
	}}

	pinsTable = table{name: "pins", kind: "pin", columns: []string{
		"id INTEGER PRIMARY KEY",                                               // the newest has the highest, whatever the clock said
		"name TEXT NOT NULL", "pinned_unix_ns INTEGER", "levels TEXT NOT NULL", // JSON
	}}

	// What is still known of the runs that retention dropped. By month, not by day:
	// they are kept for good, and 1,000 experiments would fill 300 MB a year.
	summariesTable = table{name: "monthly_summaries", kind: "monthly_summary", columns: []string{
		"id INTEGER PRIMARY KEY", // the checksum of the next three
		"experiment INTEGER NOT NULL",
		"input INTEGER NOT NULL",
		"month TEXT NOT NULL",   // '2026-03', in UTC
		"content TEXT NOT NULL", // JSON
	}, indexes: []string{"monthly_summaries_by_experiment ON monthly_summaries (experiment, month)"}}

	// What was damaged, and is set aside.
	lossesTable = table{name: "losses", kind: "loss", columns: []string{
		"id INTEGER PRIMARY KEY",
		"kind TEXT NOT NULL",
		"records INTEGER NOT NULL",
		"what TEXT NOT NULL",
		"found_unix_ns INTEGER",
		"content TEXT NOT NULL", // what was read, as SQL writes it, for a person
	}}

	ledgerTable = table{name: "ledger", kind: "ledger", columns: []string{
		"id INTEGER PRIMARY KEY", // 1
		"run INTEGER NOT NULL", "change INTEGER NOT NULL", "cycle INTEGER NOT NULL", "uptime_ns INTEGER NOT NULL",
	}}
)

// wholeFile stands for all of them where the file itself is damaged.
var wholeFile = table{kind: "file"}

func tables() []*table {
	return []*table{&experimentsTable, &inputsTable, &fingerprintsTable, &runsTable, &pointsTable, &samplesTable, &cyclesTable,
		&changesTable, &pinsTable, &summariesTable, &lossesTable, &ledgerTable}
}

// schema makes all tables in an empty file.
func schema() string {
	statements := make([]string, len(tables()))
	for i, t := range tables() {
		statements[i] = t.create()
	}
	return strings.Join(append(statements, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion)), ";\n")
}
