package environment

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// only sets the environment of this process to the given variables.
func only(t *testing.T, env map[string]string) {
	t.Helper()
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		t.Setenv(name, value) // restores it
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
}

func TestOf(t *testing.T) {
	here := t.TempDir()
	t.Chdir(here)
	own := []string{"HOME=/run", "LANG=C.UTF-8", "PYTHONHASHSEED=0", "TMPDIR=/run"}
	for _, test := range []struct {
		name  string
		env   map[string]string
		given map[string]string
		want  []string // beside own, unless it takes precedence
	}{
		{"nothing but a home", map[string]string{"HOME": "/home/u"}, nil, []string{"PYTHONUSERBASE=/home/u/.local"}},
		{"settings and secrets", map[string]string{"HOME": "/home/u", "BENCHD_WEB_CONFIG_FILE": "/x", "AWS_SECRET_ACCESS_KEY": "x", "GITHUB_TOKEN": "x"},
			nil, []string{"PYTHONUSERBASE=/home/u/.local"}},
		{"what changes the speed", map[string]string{"HOME": "/home/u", "PYTHONOPTIMIZE": "2", "GOMAXPROCS": "1", "LD_PRELOAD": "/x.so", "MALLOC_ARENA_MAX": "1", "HTTP_PROXY": "http://x"},
			nil, []string{"PYTHONUSERBASE=/home/u/.local"}},
		{"where things are", map[string]string{"HOME": "/home/u", "PATH": "/a:/b", "PYTHONPATH": "/c", "LD_LIBRARY_PATH": "/d", "PYTHONUSERBASE": "/e", "SSL_CERT_FILE": "/f"},
			nil, []string{"LD_LIBRARY_PATH=/d", "PATH=/a:/b", "PYTHONPATH=/c", "PYTHONUSERBASE=/e", "SSL_CERT_FILE=/f"}},
		{"where things are from here", map[string]string{"HOME": "home", "PATH": "/a:bin:", "PYTHONPATH": "."},
			nil, []string{"PATH=/a:" + here + "/bin:" + here, "PYTHONPATH=" + here, "PYTHONUSERBASE=" + here + "/home/.local"}},
		{"empty", map[string]string{"HOME": "/home/u", "PYTHONPATH": "", "LD_LIBRARY_PATH": ""}, nil, []string{"PYTHONUSERBASE=/home/u/.local"}},
		{"given as well", map[string]string{"HOME": "/home/u", "PYTHONPATH": "/a"}, map[string]string{"PYTHONPATH": "/b", "PYTHONUSERBASE": "/c", "WORKLOAD_FD": "3"},
			[]string{"PYTHONPATH=/b:/a", "PYTHONUSERBASE=/c", "WORKLOAD_FD=3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			only(t, test.env)
			want := slices.Sorted(slices.Values(append(test.want, own...)))
			if got := List(Of("/run", test.given)); !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

// A service of systemd has no HOME.
func TestOfWithoutHome(t *testing.T) {
	only(t, nil)
	if base := Of("/run")["PYTHONUSERBASE"]; !filepath.IsAbs(base) || strings.HasPrefix(base, "/run") {
		t.Errorf("PYTHONUSERBASE is %q", base)
	}
}
