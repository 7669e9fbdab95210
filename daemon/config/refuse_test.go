package config

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestLoadFaults wants each wrong value to be refused, by a message that says
// what is right and shows no password.
func TestLoadFaults(t *testing.T) {
	const (
		address  = `host:port with a port of 0 to 65535, such as 127.0.0.1:9911, or :9911 for every network`
		url      = `a URL with http or https, a host and perhaps a port of 1 to 65535, without blanks, query or fragment, such as http://127.0.0.1:8080`
		interval = `a duration of 1s to 1y, such as 90s, 1h30m or 1d`
		schedule = `a cron expression of five fields, such as "*/30 * * * *"; `
		size     = `quick, standard or original`
		retained = `an age of 1d to 100y, a size of 10MB to 1000TB in KB, MB, GB, TB, KiB, MiB, GiB or TiB, or both, such as 400d,4GB, or 0 alone for no limit`
		percent  = `a percentage of 0.1% to 100%, such as 5%`
		accepted = `a duration of 1m to 10y, such as 12h or 7d, or 0 for never`
		blanks   = `no blanks at its ends`
		entries  = `entries separated by ",", none of them empty`
		folders  = `folders separated by ":", none of them empty, and no blanks around the colon`
	)
	inFull := func(path string) string {
		return fmt.Sprintf(`a path in full, since no shell reads %q; or ./%s if that is its name`, path, path)
	}
	for _, tt := range []struct{ name, value, want, shown string }{
		{"LISTEN_ADDRESS", "9911", address, ""},
		{"LISTEN_ADDRESS", ":65536", address, ""},
		{"LISTEN_ADDRESS", ":http", address, ""},
		{"LISTEN_ADDRESS", ":-1", address, ""},
		{"LISTEN_ADDRESS", ":+80", address, ""},
		{"LISTEN_ADDRESS", ":", address, ""},
		{"LISTEN_ADDRESS", "::1:9911", address, ""},
		{"LISTEN_ADDRESS", "unix:/run/benchd.sock", address, ""},
		{"LISTEN_ADDRESS", "http://0.0.0.0:9911", address, ""},
		{"LISTEN_ADDRESS", "127.0.0.1 :9911", address, ""},
		{"LISTEN_ADDRESS", "256.0.0.1:9911", address, ""},
		{"LISTEN_ADDRESS", "a..b:9911", address, ""},
		{"LISTEN_ADDRESS", "-h:9911", address, ""},
		{"LISTEN_ADDRESS", "http://me:secret@h:80", address, "http://xxxxx@h:80"},
		{"LISTEN_ADDRESS", ":9911 ", blanks, ""},
		{"SIZE", "big", size, ""},
		{"SIZE", "quick ", blanks, ""},
		{"SIZE", " ", blanks, ""},
		{"SIZE", "\"quick\"", size, ""},
		{"SIZE", "Quick", size, ""},
		{"SIZE", "quick\r", blanks, ""},
		{"INTERVAL", "15", interval, ""},
		{"INTERVAL", "999ms", interval, ""},
		{"INTERVAL", "1.5h", interval, ""},
		{"INTERVAL", "+1h", interval, ""},
		{"INTERVAL", "-1h", interval, ""},
		{"INTERVAL", "1e3s", interval, ""},
		{"INTERVAL", "1h-30m", interval, ""},
		{"INTERVAL", "366d", interval, ""},
		{"INTERVAL", "2562047h", interval, ""},
		{"INTERVAL", "0x10s", interval, ""},
		{"INTERVAL", "١h", interval, ""},
		{"SCHEDULE", "@hourly", schedule + `it has 1 fields: want 5, for minute, hour, day of the month, month and day of the week`, ""},
		{"SCHEDULE", "0,60 H * * *", schedule + `its minute has "60": want 0 to 59; its hour has "H": want 0 to 23`, ""},
		{"SCHEDULE", "*/90 * * * *", schedule + `its minute has "*/90": want a step of 1 to 59`, ""},
		{"SCHEDULE", "0 0 31 2 *", schedule + `it is never due: no such day of the month is in these months`, ""},
		{"REPEAT", "0", `an integer of 1 to 1000`, ""},
		{"REPEAT", "1001", `an integer of 1 to 1000`, ""},
		{"REPEAT", "+1", `an integer of 1 to 1000`, ""},
		{"REPEAT", "1_0", `an integer of 1 to 1000`, ""},
		{"REPEAT", "0x1", `an integer of 1 to 1000`, ""},
		{"REPEAT", "1e1", `an integer of 1 to 1000`, ""},
		{"REPEAT", "1.0", `an integer of 1 to 1000`, ""},
		{"REPEAT", "٣", `an integer of 1 to 1000`, ""},
		{"REPEAT", "99999999999999999999", `an integer of 1 to 1000`, ""},
		{"SEED", "-1", `an integer of 0 to 2^64-1, or nothing for a random one`, ""},
		{"SEED", "+1", `an integer of 0 to 2^64-1, or nothing for a random one`, ""},
		{"SEED", "0x10", `an integer of 0 to 2^64-1, or nothing for a random one`, ""},
		{"SEED", "18446744073709551616", `an integer of 0 to 2^64-1, or nothing for a random one`, ""},
		{"TASKS", "a,,b", entries, ""},
		{"TASKS", "a,", entries, ""},
		{"RUNTIMES", "go,[", `glob patterns as of Go's path.Match, which "[" is not`, ""},
		{"MODELS", "a[", `glob patterns as of Go's path.Match, which "a[" is not`, ""},
		{"CONCURRENCIES", "10,1e2", `integers of 1 to 1000000, which "1e2" is not`, ""},
		{"CONCURRENCIES", "+10", `integers of 1 to 1000000, which "+10" is not`, ""},
		{"CONCURRENCIES", "0", `integers of 1 to 1000000, which "0" is not`, ""},
		{"CONCURRENCIES", "1,2,", entries, ""},
		{"CONCURRENCIES", "1;2", `integers of 1 to 1000000, which "1;2" is not`, ""},
		{"PYTHONS", ",", entries, ""},
		{"PYTHONS", "python3,~/bin/python3", inFull("~/bin/python3"), ""},
		{"PYTHONS", "-c", inFull("-c"), ""},
		{"WORKLOADS_DIR", "/a:", folders, ""},
		{"WORKLOADS_DIR", "/a: /b", folders, ""},
		{"WORKLOADS_DIR", "/a:~/b", inFull("~/b"), ""},
		{"WORKLOADS_DIR", "$HOME/b", inFull("$HOME/b"), ""},
		{"DATA_DIR", "~", inFull("~"), ""},
		{"DATA_DIR", "~/x", inFull("~/x"), ""},
		{"DATA_DIR", "~other/x", inFull("~other/x"), ""},
		{"DATA_DIR", "-x", inFull("-x"), ""},
		{"DATA_DIR", "$HOME/x", inFull("$HOME/x"), ""},
		{"DATA_DIR", "${HOME}/x", inFull("${HOME}/x"), ""},
		{"DATA_DIR", "\"/x\"", inFull("\"/x\""), ""},
		{"DATA_DIR", "'/x'", inFull("'/x'"), ""},
		{"DATA_DIR", "`pwd`", inFull("`pwd`"), ""},
		{"DATA_DIR", " ", blanks, ""},
		{"DATA_DIR", "/x ", blanks, ""},
		{"DATA_DIR", "\t/x", blanks, ""},
		{"DATA_DIR", "/x\n", blanks, ""},
		{"WEB_CONFIG_FILE", "~/web.yml", inFull("~/web.yml"), ""},
		{"HTTPBIN_URL", "localhost:80", url, ""},
		{"HTTPBIN_URL", "http://h:99999", url, ""},
		{"HTTPBIN_URL", "http://h:0", url, ""},
		{"HTTPBIN_URL", "http://h:", url, ""},
		{"HTTPBIN_URL", "http://h:-1", url, ""},
		{"HTTPBIN_URL", "http://h:+80", url, ""},
		{"HTTPBIN_URL", "http:h", url, ""},
		{"HTTPBIN_URL", "http:///x", url, ""},
		{"HTTPBIN_URL", "http://", url, ""},
		{"HTTPBIN_URL", "http://a,http://b", url, ""},
		{"HTTPBIN_URL", "http://256.1.1.1", url, ""},
		{"HTTPBIN_URL", "http://a..b", url, ""},
		{"HTTPBIN_URL", "http://h\\x", url, ""},
		{"HTTPBIN_URL", "http://::1:80", url, ""},
		{"HTTPBIN_URL", "//h", url, ""},
		{"HTTPBIN_URL", "h", url, ""},
		{"HTTPBIN_URL", "http://%zz", url, ""},
		{"HTTPBIN_URL", "http://h/a b", url, ""},
		{"HTTPBIN_URL", "http://h/ ", blanks, ""},
		{"HTTPBIN_URL", "http://h:80 ", blanks, ""},
		{"HTTPBIN_URL", "http://h\n", blanks, ""},
		{"HTTPBIN_URL", "http://h/?", url, "http://h/?xxxxx"},
		{"HTTPBIN_URL", "http://h/#", url, "http://h/#xxxxx"},
		{"HTTPBIN_URL", "http://h/?token=secret", url, "http://h/?xxxxx"},
		{"HTTPBIN_URL", "me:secret@host", url, "xxxxx@host"},
		{"HTTPBIN_URL", "//me:secret@host", url, "xxxxx@host"},
		{"HTTPBIN_URL", "http:me:secret@host", url, "xxxxx@host"},
		{"HTTPBIN_URL", "http:/me:secret@host", url, "xxxxx@host"},
		{"HTTPBIN_URL", "http://me:secret@host ", blanks, "http://xxxxx@host "},
		{"HTTPBIN_URL", "ftp://me:secret@h", url, "ftp://xxxxx@h"},
		{"HTTPBIN_URL", "http://me:sec@ret@h:x", url, "http://xxxxx@h:x"},
		{"HTTPBIN_URL", "http://me:se?c#ret@h", url, "http://xxxxx@h"},
		{"HTTPBIN_URL", "http://me:se/cret@h", url, "http://xxxxx@h"},
		{"SAMPLE_INTERVAL", "9ms", `a duration of 10ms to 10s, such as 100ms`, ""},
		{"SAMPLE_INTERVAL", "11s", `a duration of 10ms to 10s, such as 100ms`, ""},
		{"SAMPLE_INTERVAL", "100", `a duration of 10ms to 10s, such as 100ms`, ""},
		{"SAMPLE_INTERVAL", "0.1s", `a duration of 10ms to 10s, such as 100ms`, ""},
		{"SAMPLE_INTERVAL", "100us", `a duration of 10ms to 10s, such as 100ms`, ""},
		{"RUN_TIMEOUT", "0s", `a duration of 1s to 1d, such as 90s or 5m`, ""},
		{"RUN_TIMEOUT", "25h", `a duration of 1s to 1d, such as 90s or 5m`, ""},
		{"RUN_TIMEOUT", "5", `a duration of 1s to 1d, such as 90s or 5m`, ""},
		{"LOG_LEVEL", "INFO", `debug, info, warn or error`, ""},
		{"LOG_LEVEL", "warning", `debug, info, warn or error`, ""},
		{"LOG_FORMAT", "xml", `text or json`, ""},
		{"PPROF", "1", `true or false`, ""},
		{"PPROF", "True", `true or false`, ""},
		{"PPROF", "yes", `true or false`, ""},
		{"RETENTION", "1h", retained, ""},
		{"RETENTION", "30d,60d", retained, ""},
		{"RETENTION", "4GB,5GB", retained, ""},
		{"RETENTION", "1d,4GB,1d", retained, ""},
		{"RETENTION", "4G", retained, ""},
		{"RETENTION", "4g", retained, ""},
		{"RETENTION", "4gb", retained, ""},
		{"RETENTION", "4e9B", retained, ""},
		{"RETENTION", "4000000000", retained, ""},
		{"RETENTION", "NaNGB", retained, ""},
		{"RETENTION", "InfGB", retained, ""},
		{"RETENTION", "0x4GB", retained, ""},
		{"RETENTION", "1e1GB", retained, ""},
		{"RETENTION", "-4GB", retained, ""},
		{"RETENTION", "+4GB", retained, ""},
		{"RETENTION", "1001TB", retained, ""},
		{"RETENTION", "1MB", retained, ""},
		{"RETENTION", "40000d", retained, ""},
		{"RETENTION", "400d,0", retained, ""},
		{"RETENTION", "0,0", retained, ""},
		{"RETENTION", "0x1p9d", retained, ""},
		{"RETENTION", "1e3d", retained, ""},
		{"RETENTION", "400", retained, ""},
		{"RETENTION", "400d;4GB", retained, ""},
		{"RETENTION", "９d", retained, ""},
		{"RETENTION", "400d,", entries, ""},
		{"VERDICT_CYCLES", "4", `an integer of 5 to 100`, ""},
		{"VERDICT_CYCLES", "+5", `an integer of 5 to 100`, ""},
		{"VERDICT_CYCLES", "101", `an integer of 5 to 100`, ""},
		{"VERDICT_EFFECT", "0.05", percent, ""},
		{"VERDICT_EFFECT", "5", percent, ""},
		{"VERDICT_EFFECT", "NaN%", percent, ""},
		{"VERDICT_EFFECT", "Inf%", percent, ""},
		{"VERDICT_EFFECT", "0x1p0%", percent, ""},
		{"VERDICT_EFFECT", "1e1%", percent, ""},
		{"VERDICT_EFFECT", "+5%", percent, ""},
		{"VERDICT_EFFECT", "-5%", percent, ""},
		{"VERDICT_EFFECT", "5%%", percent, ""},
		{"VERDICT_EFFECT", "5％", percent, ""},
		{"VERDICT_EFFECT", "0.09%", percent, ""},
		{"VERDICT_EFFECT", "101%", percent, ""},
		{"VERDICT_EFFECT", "%", percent, ""},
		{"VERDICT_EFFECT", ".5%", percent, ""},
		{"VERDICT_EFFECT", "1,5%", percent, ""},
		{"CHANGE_EFFECT", "0%", percent, ""},
		{"RERUNS", "-1", `an integer of 0 to 1000`, ""},
		{"RERUNS", "-0", `an integer of 0 to 1000`, ""},
		{"RERUNS", "1001", `an integer of 0 to 1000`, ""},
		{"ACCEPT_AFTER", "-1d", accepted, ""},
		{"ACCEPT_AFTER", "NaNd", accepted, ""},
		{"ACCEPT_AFTER", "7", accepted, ""},
		{"ACCEPT_AFTER", "-0d", accepted, ""},
		{"ACCEPT_AFTER", "1ns", accepted, ""},
		{"ACCEPT_AFTER", "30s", accepted, ""},
		{"ACCEPT_AFTER", "0.00001d", accepted, ""},
		{"ACCEPT_AFTER", "0x1d", accepted, ""},
		{"ACCEPT_AFTER", "1e2d", accepted, ""},
		{"ACCEPT_AFTER", "11y", accepted, ""},
		{"ACCEPT_AFTER", "100000d", accepted, ""},
		{"ACCEPT_AFTER", "0.0s", accepted, ""},
	} {
		t.Run(tt.name+"="+tt.value, func(t *testing.T) {
			setEnv(t, map[string]string{prefix + "_" + tt.name: tt.value})
			_, err := Load()
			if err == nil {
				t.Fatal("no error")
			}
			shown := tt.shown
			if shown == "" {
				shown = tt.value
			}
			want := fmt.Sprintf("%s_%s is %q: want %s", prefix, tt.name, shown, tt.want)
			if diff := cmp.Diff(want, err.Error()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
