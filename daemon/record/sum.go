package record

import (
	"database/sql/driver"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"
	"modernc.org/sqlite"
)

// Every row carries a checksum of all its values, for SQLite has none: a bit
// that flips on the disk or in memory would be another figure, and nobody would
// know. It is formed and verified within SQLite, by the function row_sum, over
// what is stored and not over what Go makes of it.

// registerSum makes row_sum known to all connections, once for the process.
var registerSum = sync.OnceValue(func() error {
	return sqlite.RegisterFunction("row_sum", &sqlite.FunctionImpl{
		NArgs:         -1,
		Deterministic: true,
		Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			return sumOf(args...)
		},
		// The values are hashed in place. Without this a text would end at its first NUL, too.
		VolatileArgs: true,
	})
})

// sumOf is the checksum of a table's name and a row's values. Types and lengths
// go into it, so that no value can pass for another, nor one for two. It is not
// negative, for it serves as id too.
func sumOf(values ...driver.Value) (int64, error) {
	sum := xxhash.New()
	var head [9]byte
	part := func(kind byte, n uint64, rest string) {
		head[0] = kind
		binary.LittleEndian.PutUint64(head[1:], n)
		_, _ = sum.Write(head[:])    // they never fail
		_, _ = sum.WriteString(rest) //
	}
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			part(0, 0, "")
		case int64:
			part(1, uint64(v), "")
		case float64:
			part(2, math.Float64bits(v), "")
		case string:
			part(3, uint64(len(v)), v)
		case []byte:
			part(4, uint64(len(v)), string(v))
		default:
			return 0, fmt.Errorf("row_sum of a %T", v)
		}
	}
	return int64(sum.Sum64() & math.MaxInt64), nil
}

// whole is the condition on a row of the table, known as alias, that it is as it
// was written. Of a row that is not there it is 0 too.
func (t *table) whole(alias string) string {
	sum, values := alias+".sum", t.names()
	if t.addressed {
		sum, values = alias+".id", values[1:]
	}
	return fmt.Sprintf("%s IS row_sum('%s', %s)", sum, t.name, alias+"."+strings.Join(values, ", "+alias+"."))
}

// insertion is the statement that puts a row in place of one of the same key.
func (t *table) insertion() string {
	parameters := make([]string, len(t.columns))
	for i := range parameters {
		parameters[i] = fmt.Sprintf("?%d", i+1)
	}
	list := strings.Join(parameters, ", ")
	if t.addressed {
		return fmt.Sprintf("INSERT OR REPLACE INTO %s VALUES (%s)", t.name, list)
	}
	return fmt.Sprintf("INSERT OR REPLACE INTO %s VALUES (%s, row_sum('%s', %s))", t.name, list, t.name, list)
}
