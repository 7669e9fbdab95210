package expose

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
	"golang.org/x/sys/unix"

	"benchd/daemon/linux"
)

// maxWebConfigBytes is far more than a thousand users need.
const maxWebConfigBytes = 1 << 20

// WebConfig is the exporter-toolkit's web configuration as it last was complete.
//
// The toolkit reads its file anew for each request. An editor that empties the
// file before it writes would open everything for that moment, and a file that
// is gone or half written would answer nobody. So the toolkit reads a copy in
// memory, which is exchanged when the file is valid and protects at least what
// the copy protects. To protect less takes a restart: nothing tells a file that
// is half written from one in which somebody has deleted the users.
type WebConfig struct {
	path   string
	copied int // descriptor of the copy
	log    *slog.Logger

	mu      sync.Mutex
	content []byte // of the file, when it was copied
	now     web.Config
	fault   string // what was logged of a file that is not usable; "" for none
}

// OpenWebConfig reads the file at path, which must be valid and say something.
func OpenWebConfig(path string, log *slog.Logger) (*WebConfig, error) {
	w := &WebConfig{path: path, copied: -1, log: log}
	content, err := w.read()
	if err == nil {
		err = w.adopt(content)
	}
	if err != nil {
		return nil, fmt.Errorf("BENCHD_WEB_CONFIG_FILE %s: %w", path, err)
	}
	return w, nil
}

// Close lets go of the copy.
func (w *WebConfig) Close() error { return unix.Close(w.copied) }

// hasUsers is whether who sends a request is known by name.
func (w *WebConfig) hasUsers() bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.now.Users) > 0
}

// file is the path at which the toolkit finds the copy.
func (w *WebConfig) file() string {
	if w == nil {
		return ""
	}
	return fmt.Sprintf("/proc/self/fd/%d", w.copied)
}

// refresh takes over what has changed in the file. It is called before each
// request is read.
func (w *WebConfig) refresh() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	content, err := w.read()
	if err == nil && !bytes.Equal(content, w.content) {
		err = w.adopt(content)
	}
	switch {
	case err == nil && w.fault != "":
		w.log.Info("The web configuration is usable again.", "file", w.path)
		w.fault = ""
	case err != nil && w.fault != err.Error(): // once, not with each request
		w.fault = err.Error()
		w.log.Warn("The web configuration is not usable: what it was before stays in force.", "file", w.path, "err", err)
	}
}

// read is bounded: the path may be anything's.
func (w *WebConfig) read() ([]byte, error) {
	file, _, err := linux.OpenRegular(w.path)
	if errors.As(err, new(linux.NotRegularError)) {
		return nil, fmt.Errorf("it %w: it is read again whenever it changes", err)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxWebConfigBytes+1))
	if len(content) > maxWebConfigBytes {
		return nil, fmt.Errorf("it has more than %d bytes", maxWebConfigBytes)
	}
	return content, err
}

// adopt makes content the one that is in force, if it can be.
func (w *WebConfig) adopt(content []byte) error {
	var next web.Config
	if err := yaml.UnmarshalStrict(content, &next); err != nil { // for the line in its message
		return err
	}
	absolute, err := withAbsolutePaths(content, filepath.Dir(w.path))
	if err != nil {
		return err
	}
	copied, err := inMemory(absolute)
	if err != nil {
		return fmt.Errorf("copy it into memory: %w", err)
	}
	if err := web.Validate(fmt.Sprintf("/proc/self/fd/%d", copied)); err != nil {
		return errors.Join(err, unix.Close(copied))
	}
	switch less := protectsLess(&w.now, &next); {
	case w.copied < 0:
		w.copied = copied
	case less != "":
		return errors.Join(fmt.Errorf("it has no %s any more: put them back, or start benchd again if that is meant", less), unix.Close(copied))
	default:
		// The toolkit, which may be reading, finds either the one or the other.
		if err := errors.Join(unix.Dup3(copied, w.copied, unix.O_CLOEXEC), unix.Close(copied)); err != nil {
			return err
		}
		if !w.now.TLSConfig.IsEnabled() && next.TLSConfig.IsEnabled() {
			w.log.Warn("TLS was added to the web configuration: it begins with the next start of benchd.", "file", w.path)
		}
	}
	w.content, w.now = content, next
	return nil
}

// protectsLess names what the one protected by and the other does not.
func protectsLess(before, after *web.Config) string {
	demands := func(c *web.Config) bool { return strings.HasPrefix(c.TLSConfig.ClientAuth, "Require") }
	verifies := func(c *web.Config) bool { return c.TLSConfig.ClientAuth == tls.RequireAndVerifyClientCert.String() }
	switch {
	case len(before.Users) > 0 && len(after.Users) == 0:
		return "users"
	case before.TLSConfig.IsEnabled() && !after.TLSConfig.IsEnabled():
		return "certificates"
	case demands(before) && !demands(after), verifies(before) && !verifies(after):
		return "demands on the certificates of clients"
	case len(before.TLSConfig.ClientAllowedSans) > 0 && len(after.TLSConfig.ClientAllowedSans) == 0:
		return "names of clients that are allowed"
	}
	return ""
}

// withAbsolutePaths is the same configuration for another folder: its paths are
// relative to that of the file.
func withAbsolutePaths(content []byte, dir string) ([]byte, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	var sections yaml.MapSlice // keeps what it does not know
	if err := yaml.Unmarshal(content, &sections); err != nil {
		return nil, err
	}
	if len(sections) == 0 {
		return nil, errors.New("it is empty: write users or TLS into it, or leave BENCHD_WEB_CONFIG_FILE out")
	}
	for _, section := range sections {
		settings, ok := section.Value.(yaml.MapSlice)
		if section.Key != "tls_server_config" || !ok {
			continue
		}
		for i, setting := range settings {
			path, ok := setting.Value.(string)
			if name, _ := setting.Key.(string); ok && path != "" && strings.HasSuffix(name, "_file") && !filepath.IsAbs(path) {
				settings[i].Value = filepath.Join(dir, path)
			}
		}
	}
	return yaml.Marshal(sections)
}

// inMemory is a file of that content: passwords' hashes and keys lie on no other
// disk, and no full disk stops it.
func inMemory(content []byte) (descriptor int, err error) {
	descriptor, err = unix.MemfdCreate("benchd-web-config", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, err
	}
	for len(content) > 0 {
		n, err := unix.Write(descriptor, content)
		if err != nil {
			return -1, errors.Join(err, unix.Close(descriptor))
		}
		content = content[n:]
	}
	return descriptor, nil
}
