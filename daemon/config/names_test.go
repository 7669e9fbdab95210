package config

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestVariablesThatAreNone wants what was meant for benchd to be refused, and
// what Kubernetes sets for its Services to be passed over.
func TestVariablesThatAreNone(t *testing.T) {
	// What Kubernetes sets for a Service, with one port that has a name.
	service := func(prefix, address, url string) []string {
		var all []string
		for _, s := range []string{
			"SERVICE_HOST=" + address, "SERVICE_PORT=9911", "SERVICE_PORT_METRICS=9911",
			"PORT=tcp://" + url, "PORT_9911_TCP=tcp://" + url, "PORT_9911_TCP_PROTO=tcp", "PORT_9911_TCP_PORT=9911", "PORT_9911_TCP_ADDR=" + address,
		} {
			all = append(all, prefix+"_"+s)
		}
		return all
	}
	benchd := service("BENCHD", "10.0.0.11", "10.0.0.11:9911")
	const none = " is no variable of benchd: "
	const listed = none + "`benchd config` lists those there are"
	for _, tt := range []struct {
		name   string
		set    []string
		links  int
		faults []string
	}{
		{"a Service called benchd", benchd, 8, nil},
		{"and one called benchd-x", slices.Concat(benchd, service("BENCHD_X", "10.0.0.12", "10.0.0.12:9911")), 16, nil},
		{"IPv6", service("BENCHD", "fd00::b", "[fd00::b]:9911"), 8, nil},
		{"UDP", []string{"BENCHD_SERVICE_HOST=10.0.0.11", "BENCHD_PORT_53_UDP=udp://10.0.0.11:53", "BENCHD_PORT_53_UDP_PROTO=udp"}, 3, nil},
		{"a Service of another name", service("OTHER_BENCHD", "10.0.0.11", "10.0.0.11:9911"), 0, nil},
		{"a port without the Service", []string{"BENCHD_PORT=tcp://10.0.0.11:9911"}, 0, []string{"BENCHD_PORT" + listed}},
		{"a port of a person", append([]string{"BENCHD_PORT_9911=9911"}, benchd...), 8, []string{"BENCHD_PORT_9911" + listed}},
		{"a plain port", []string{"BENCHD_SERVICE_HOST=10.0.0.11", "BENCHD_PORT=9911"}, 1, []string{"BENCHD_PORT" + listed}},
		{"another address", []string{"BENCHD_SERVICE_HOST=10.0.0.11", "BENCHD_PORT=tcp://10.0.0.12:9911"}, 1, []string{"BENCHD_PORT" + listed}},
		{"a name for a host", []string{"BENCHD_SERVICE_HOST=localhost"}, 0, []string{"BENCHD_SERVICE_HOST" + listed}},
		{"misspelt beside a Service", append([]string{"BENCHD_SERVICE_HOTS=10.0.0.11", "BENCHD_SIZ=quick"}, benchd...), 8,
			[]string{"BENCHD_SERVICE_HOTS" + listed, "BENCHD_SIZ" + none + "did you mean BENCHD_SIZE?"}},
		{"words run together", []string{"BENCHD_SAMPLEINTERVAL=1s"}, 0, []string{"BENCHD_SAMPLEINTERVAL" + none + "did you mean BENCHD_SAMPLE_INTERVAL?"}},
		{"misspelt and empty", []string{"BENCHD_TASK="}, 0, []string{"BENCHD_TASK" + none + "did you mean BENCHD_TASKS?"}},
		{"like none", []string{"BENCHD_SEMAPHORE=1h"}, 0, []string{"BENCHD_SEMAPHORE" + listed}},
		{"small letters", []string{"benchd_size=quick"}, 0, []string{"benchd_size" + none + "did you mean BENCHD_SIZE?"}},
		{"a hyphen", []string{"BENCHD-SIZE=quick"}, 0, []string{"BENCHD-SIZE" + none + "did you mean BENCHD_SIZE?"}},
		{"compose's own", []string{"DAEMON_PORT=9911", "DAEMON_CPUS=0", "GRAFANA_PORT=3000"}, 0, nil},
		{"the name alone", []string{"BENCHD=/usr/bin/benchd", "BENCHDX=1"}, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			set := map[string]string{}
			for _, variable := range tt.set {
				name, value, _ := strings.Cut(variable, "=")
				set[name] = value
			}
			setEnv(t, set)
			c, err := Load()
			got := ""
			if err != nil {
				got = err.Error()
			}
			if want := strings.Join(tt.faults, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if len(c.ServiceLinks) != tt.links {
				t.Errorf("%d variables are taken for a Service's, want %d: %v", len(c.ServiceLinks), tt.links, c.ServiceLinks)
			}
		})
	}
}

// TestEnvironmentOfCompose wants the project's own .env, with all that stands
// in it switched on, to start the program too.
func TestEnvironmentOfCompose(t *testing.T) {
	example, err := os.ReadFile("../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]string{}
	for line := range strings.Lines(string(example)) {
		name, value, isVariable := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "#")), "=")
		if isVariable && !strings.Contains(name, " ") {
			set[name] = value
		}
	}
	if len(set) < 40 {
		t.Fatalf("only %d variables", len(set))
	}
	setEnv(t, set)
	if _, err := Load(); err != nil {
		t.Error(err)
	}
}

func TestScheduleNeedsATimeZone(t *testing.T) {
	const wrong = `TZ is %q, by which BENCHD_SCHEDULE goes: want a time zone such as Europe/Berlin, or nothing for the machine's`
	for zone, right := range map[string]bool{
		"": true, "UTC": true, "Europe/Berlin": true, ":Europe/Berlin": true, "EST5EDT": true,
		"Europe/Berln": false, "CET-1CEST,M3.5.0,M10.5.0/3": false, "Local": false, "/no/such/zone": false, "+02:00": false, "../x": false, "/etc/hostname": false,
	} {
		setEnv(t, map[string]string{"BENCHD_SCHEDULE": "0 * * * *", "TZ": zone})
		_, err := Load()
		if right != (err == nil) || err != nil && err.Error() != fmt.Sprintf(wrong, zone) {
			t.Errorf("TZ=%s: got %v", zone, err)
		}
		// The interval goes by no zone.
		setEnv(t, map[string]string{"BENCHD_SCHEDULE": "", "TZ": zone})
		if _, err := Load(); err != nil {
			t.Errorf("TZ=%s without a schedule: got %v", zone, err)
		}
	}
}

// TestOddButRight wants no value to be refused by accident.
func TestOddButRight(t *testing.T) {
	for _, tt := range [][2]string{
		{"LISTEN_ADDRESS", "[::1]:9911"}, {"LISTEN_ADDRESS", "[::]:0"}, {"LISTEN_ADDRESS", "localhost:9911"},
		{"LISTEN_ADDRESS", "[fe80::1%eth0]:9911"}, {"LISTEN_ADDRESS", "my_host.example.:1"},
		{"INTERVAL", "1d"}, {"INTERVAL", "1w2d3h"}, {"INTERVAL", "1500ms"}, {"ACCEPT_AFTER", "1y"}, {"RETENTION", "1y"},
		{"RETENTION", "1.5 GiB"}, {"RETENTION", "4GB, 400d"}, {"RETENTION", "0"}, {"VERDICT_EFFECT", "5 %"}, {"REPEAT", "007"},
		{"SCHEDULE", "05 2-5/2 * jan-mar,12 Sun,1-5"}, {"SCHEDULE", "0 0 29 2 *"}, {"SCHEDULE", "0\t0  * * 7"},
		{"HTTPBIN_URL", "HTTP://[::1]:8080"}, {"HTTPBIN_URL", "https://me:p%40ss@h.example/a/b/"}, {"HTTPBIN_URL", "http://bücher.example"}, {"HTTPBIN_URL", "http://h_1:65535"},
		{"DATA_DIR", "/x/g[1]*?\\ {a,b}"}, {"DATA_DIR", "/with blank/and\nline"}, {"DATA_DIR", "./~"}, {"DATA_DIR", "./-x"}, {"DATA_DIR", "a~b/$c"},
		{"WORKLOADS_DIR", "/with blank:b"}, {"PYTHONS", "python3, /opt/my python/bin/python3"}, {"SEED", "0"}, {"RERUNS", "0"},
	} {
		setEnv(t, map[string]string{prefix + "_" + tt[0]: tt[1]})
		if _, err := Load(); err != nil {
			t.Error(err)
		}
	}
}
