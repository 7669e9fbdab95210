package linux

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSizeBytesGrowsWithWhatIsWritten(t *testing.T) {
	dir := t.TempDir()
	size := func() float64 {
		t.Helper()
		n, err := SizeBytes(dir)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := size()
	const written = 1 << 20
	content := make([]byte, written)
	for i := range content {
		content[i] = byte(i*7 + i>>8) // not compressible to nothing
	}
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(dir, "sub", "file"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(content); err != nil {
		t.Fatal(err)
	}
	// Some file systems allocate when they write back.
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if grown := size() - before; grown < written || grown > written+1<<16 {
		t.Errorf("grew by %v bytes after %d were written", grown, written)
	}
}

func TestSizeBytesOfNothing(t *testing.T) {
	n, err := SizeBytes(filepath.Join(t.TempDir(), "none"))
	if n != 0 || err != nil {
		t.Errorf("got %v, %v, want 0 and no error", n, err)
	}
}

func TestFreeBytes(t *testing.T) {
	if free, err := FreeBytes(t.TempDir()); err != nil || free <= 0 {
		t.Errorf("got %v, %v", free, err)
	}
	_, err := FreeBytes("/does/not/exist")
	if want := "free space of /does/not/exist: no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
