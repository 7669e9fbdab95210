package expose

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// The hash is of "secret", cheap to check.
const secretHash = "'$2a$04$v4TR2dzgj88SRXYHpyI8NO6ajfQkqxQ2aROWAgGTNB.PCos8MzAu6'"

func openWebConfig(t *testing.T, path string, log *slog.Logger) *WebConfig {
	t.Helper()
	w, err := OpenWebConfig(path, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func TestOpenWebConfigRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "empty.yml"), "")
	write(t, filepath.Join(dir, "comment.yml"), "# users:\n")
	write(t, filepath.Join(dir, "long.yml"), "#"+strings.Repeat(" ", maxWebConfigBytes))
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.yml"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"testdata/bad-key.yml":            "yaml: unmarshal errors:\n  line 1: field tls not found in type web.Config",
		"testdata/bad-hash.yml":           "crypto/bcrypt: hashedSecret too short to be a bcrypted password",
		"testdata/bad-no-tls-key.yml":     "missing one of key or key_file",
		"testdata/none.yml":               "open testdata/none.yml: no such file or directory",
		filepath.Join(dir, "empty.yml"):   "it is empty: write users or TLS into it, or leave BENCHD_WEB_CONFIG_FILE out",
		filepath.Join(dir, "comment.yml"): "it is empty: write users or TLS into it, or leave BENCHD_WEB_CONFIG_FILE out",
		filepath.Join(dir, "long.yml"):    "it has more than 1048576 bytes",
		filepath.Join(dir, "pipe.yml"):    "it is a pipe, want a regular file: it is read again whenever it changes",
		dir:                               "it is a folder, want a regular file: it is read again whenever it changes",
		"/dev/zero":                       "it is a device, want a regular file: it is read again whenever it changes",
	} {
		want = "BENCHD_WEB_CONFIG_FILE " + path + ": " + want
		if _, err := OpenWebConfig(path, slog.New(slog.DiscardHandler)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
}

// safeLog is written while it is read.
type safeLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// status is what a client is answered.
func status(t *testing.T, client *http.Client, url, user, password string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if user != "" {
		request.SetBasicAuth(user, password)
	}
	answer, err := client.Do(request)
	if err != nil {
		t.Error(err)
		return 0
	}
	closeBody(t, answer)
	return answer.StatusCode
}

// Whatever becomes of the file, what protected the daemon goes on to do so until
// another complete configuration is there.
func TestWebConfigStaysInForce(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"deleted": os.Remove,
		"half written": func(path string) error {
			return os.WriteFile(path, []byte("basic_auth_users:\n  ann: '$2a$04$v4TR2dzgj88S"), 0o600)
		},
		"without its users yet": func(path string) error {
			return os.WriteFile(path, []byte("http_server_config: {http2: true}\n"), 0o600)
		},
		"with a user without a hash": func(path string) error { return os.WriteFile(path, []byte("basic_auth_users: {ann: }\n"), 0o600) },
		"with no user":               func(path string) error { return os.WriteFile(path, []byte("basic_auth_users:\n"), 0o600) },
		"misspelt":                   func(path string) error { return os.WriteFile(path, []byte("basic_auth_user: {}\n"), 0o600) },
		"a folder": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Mkdir(path, 0o700)
		},
		"a pipe": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return syscall.Mkfifo(path, 0o600)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "web.yml")
			write(t, path, "basic_auth_users: {ann: "+secretHash+"}\n")
			var log safeLog
			o := testOptions()
			o.Logger = logTo(&log)
			o.Web = openWebConfig(t, path, o.Logger)
			s := serve(t, New(o))
			url := "http://" + s.address + "/api/v1/experiments"
			client := &http.Client{Transport: &http.Transport{}}
			if got := status(t, client, url, "ann", "secret"); got != http.StatusOK {
				t.Fatalf("at first: %d", got)
			}
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if known, unknown := status(t, client, url, "ann", "secret"), status(t, client, url, "", ""); known != http.StatusOK || unknown != http.StatusUnauthorized {
					t.Errorf("with the file %s: %d with a password, %d without", name, known, unknown)
				}
			}
			if n := strings.Count(log.String(), "what it was before stays in force"); n != 1 {
				t.Errorf("said %d times:\n%s", n, log.String())
			}
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			write(t, path, "basic_auth_users: {bob: "+secretHash+"}\n")
			if ann, bob := status(t, client, url, "ann", "secret"), status(t, client, url, "bob", "secret"); ann != http.StatusUnauthorized || bob != http.StatusOK {
				t.Errorf("after another complete one: %d for ann, %d for bob", ann, bob)
			}
			client.CloseIdleConnections()
			s.end(t)
		})
	}
}

// A certificate that clients must have is not given up for a file that is half
// written, nor TLS.
func TestWebConfigKeepsAskingForCertificates(t *testing.T) {
	dir := t.TempDir()
	roots := writeCertificate(t, dir)
	path := filepath.Join(dir, "web.yml")
	const pair = "tls_server_config: {cert_file: server.crt, key_file: server.key"
	write(t, path, pair+", client_auth_type: RequireAnyClientCert}\n")
	o := testOptions()
	o.Web = openWebConfig(t, path, o.Logger)
	s := serve(t, New(o))
	for _, content := range []string{"", pair + "}\n", pair + ", client_auth_type: RequestClientCert}\n", "http_server_config: {http2: true}\n"} {
		write(t, path, content)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
		answer, err := client.Get("https://" + s.address + "/-/healthy")
		if err == nil {
			closeBody(t, answer)
			t.Errorf("%q: answered %s to somebody without a certificate", content, answer.Status)
		} else if !strings.Contains(err.Error(), "certificate required") {
			t.Errorf("%q: %v", content, err)
		}
	}
	s.end(t)
}

// Users may be added to what was open.
func TestWebConfigProtectsMore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.yml")
	write(t, path, "http_server_config: {http2: true}\n")
	o := testOptions()
	o.Web = openWebConfig(t, path, o.Logger)
	s := serve(t, New(o))
	client := &http.Client{Transport: &http.Transport{}}
	if got := status(t, client, "http://"+s.address+"/metrics", "", ""); got != http.StatusOK {
		t.Errorf("open: %d", got)
	}
	write(t, path, "basic_auth_users: {ann: "+secretHash+"}\n")
	if got := status(t, client, "http://"+s.address+"/metrics", "", ""); got != http.StatusUnauthorized {
		t.Errorf("with users: %d", got)
	}
	client.CloseIdleConnections()
	s.end(t)
}
