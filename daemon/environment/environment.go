// Package environment says what programs get of the daemon's environment, those
// that are measured as well as interpreters that are asked what they can import:
// one world for both, or what is listed as runnable would not run. It stands
// below the flow.
package environment

import (
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
)

// Variables that say where programs and libraries are, and so what is installed.
// Nothing else passes: no settings of benchd, no secrets, and nothing that
// changes how fast a program is, such as PYTHONOPTIMIZE or GOMAXPROCS. Whoever
// wants that gives it in a manifest.
var (
	// lists are folders or files, separated by colons.
	lists = []string{
		"PATH", "LD_LIBRARY_PATH", "PYTHONPATH", "NODE_PATH", "RUBYLIB", "GEM_PATH", "PERL5LIB", "CLASSPATH", "SSL_CERT_DIR",
	}
	// single are one folder or file each. The certificates are here because the
	// daemon itself asks the httpbin by them.
	single = []string{
		"PYTHONHOME", "PYTHONUSERBASE", "GEM_HOME", "JAVA_HOME", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
	}
	switches = []string{"PYTHONNOUSERSITE"}
)

// Names are the variables that pass.
func Names() []string { return slices.Concat(lists, single, switches) }

// Of is the environment of a program whose home is the given folder: what
// passes of this process's, what is the same for all, and what is given, see Add.
//
// The home is not the user's, for programs write there. What users have
// installed for themselves is found nevertheless: by PYTHONUSERBASE, of which
// ~/.local is the default.
func Of(home string, given ...map[string]string) map[string]string {
	env := map[string]string{
		"HOME":   home,
		"TMPDIR": home,
		"LANG":   "C.UTF-8",
		// The hash seed changes the order of sets and with it the time of a
		// run: on a quiet machine a fixed one cut wall's CV from 3 % to 0.6 %.
		"PYTHONHASHSEED": "0",
	}
	if user := userHome(); user != "" {
		env["PYTHONUSERBASE"] = filepath.Join(user, ".local")
	}
	for _, name := range Names() {
		value := os.Getenv(name)
		switch {
		case value == "":
		case slices.Contains(lists, name):
			env[name] = absoluteAll(value)
		case slices.Contains(single, name):
			env[name] = absolute(value)
		default:
			env[name] = value
		}
	}
	for _, more := range given {
		Add(env, more)
	}
	return env
}

// Add sets further variables. Where they name folders to be searched, those come
// first, and the ones that are there remain: a manifest names the library of its
// programs in PYTHONPATH, and what the user has there works as well.
func Add(env, more map[string]string) {
	for name, value := range more {
		if was := env[name]; was != "" && slices.Contains(lists, name) {
			value += string(filepath.ListSeparator) + was
		}
		env[name] = value
	}
}

// List is the environment as a program gets it, in the order of its names. The
// random order of a map would move the program's stack from run to run, and with
// it its speed: Mytkowicz et al., "Producing Wrong Data Without Doing Anything
// Obviously Wrong!", ASPLOS 2009.
func List(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// userHome is "" where there is none. A service of systemd has no HOME, but its
// user has a home.
func userHome() string {
	if home := os.Getenv("HOME"); home != "" {
		return absolute(home)
	}
	if u, err := user.Current(); err == nil {
		return u.HomeDir
	}
	return ""
}

// absolute makes a path mean the same in another folder, for programs run in
// one of their own.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// absoluteAll takes an empty entry for the current folder, as programs do.
func absoluteAll(list string) string {
	paths := filepath.SplitList(list)
	for i, path := range paths {
		paths[i] = absolute(path)
	}
	return strings.Join(paths, string(filepath.ListSeparator))
}
