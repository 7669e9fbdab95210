package linux

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpenRegular(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(at("file"), []byte("text"), 0o600), os.Symlink("file", at("link")),
		unix.Mkfifo(at("pipe"), 0o600), unix.Mknod(at("socket"), unix.S_IFSOCK|0o600, 0),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{
		at("pipe"):   "is a pipe, want a regular file",
		at("socket"): "is a socket or a device, want a regular file",
		dir:          "is a folder, want a regular file",
		"/dev/zero":  "is a device, want a regular file",
		at("none"):   "open " + at("none") + ": no such file or directory",
	} {
		if _, _, err := OpenRegular(path); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", path, err, want)
		}
	}
	for _, name := range []string{"file", "link"} {
		f, info, err := OpenRegular(at(name))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(f); err != nil || string(text) != "text" || info.Size() != 4 {
			t.Errorf("%s: %q of %d bytes, %v", name, text, info.Size(), err)
		}
		f.Close()
	}
}
