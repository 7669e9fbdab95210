package experiments

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// contents lists the files of a folder with mode and text.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		relative, _ := filepath.Rel(dir, path)
		all[relative] = info.Mode().String() + " " + string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestLayOut(t *testing.T) {
	dir := filepath.Join(resolved(t), "data", "tasks")
	tasks := fstest.MapFS{
		"a/run.sh":      {Data: []byte("#!/bin/sh\n")},
		"a/module.py":   {Data: []byte("pass\n")},
		"b/deep/er.txt": {Data: []byte("1")},
	}
	want := map[string]string{
		markerName:      "-rw-r--r-- " + markerText,
		"a/run.sh":      "-rwxr-xr-x #!/bin/sh\n",
		"a/module.py":   "-rw-r--r-- pass\n",
		"b/deep/er.txt": "-rw-r--r-- 1",
	}
	disturb := map[string]func(*testing.T){
		"unchanged": func(*testing.T) {},
		"edited":    func(t *testing.T) { writeFile(t, filepath.Join(dir, "a/module.py"), "exit()\n", 0o644) },
		"run bit":   func(t *testing.T) { must(t, os.Chmod(filepath.Join(dir, "a/run.sh"), 0o644)) },
		"stale": func(t *testing.T) {
			writeFile(t, filepath.Join(dir, "a/__pycache__/x.pyc"), "", 0o644)
			writeFile(t, filepath.Join(dir, "c/workload.yaml"), "", 0o644)
		},
		"folder in place of a file": func(t *testing.T) {
			must(t, os.Remove(filepath.Join(dir, "a/run.sh")))
			writeFile(t, filepath.Join(dir, "a/run.sh/x"), "", 0o644)
		},
		"file in place of a folder": func(t *testing.T) {
			must(t, os.RemoveAll(filepath.Join(dir, "b")))
			writeFile(t, filepath.Join(dir, "b"), "", 0o644)
		},
		"unreadable folders": func(t *testing.T) {
			writeFile(t, filepath.Join(dir, "a/cache/x"), "", 0o644)
			for _, folder := range []string{"a/cache", "a", "b/deep", "b", "."} {
				must(t, os.Chmod(filepath.Join(dir, folder), 0))
			}
		},
		"read-only folders": func(t *testing.T) {
			writeFile(t, filepath.Join(dir, "a/cache/x"), "", 0o644)
			must(t, os.Remove(filepath.Join(dir, "a/run.sh")))
			for _, folder := range []string{"a/cache", "a", "."} {
				must(t, os.Chmod(filepath.Join(dir, folder), 0o555))
			}
		},
		"fifo in place of a file": func(t *testing.T) {
			must(t, os.Remove(filepath.Join(dir, "a/run.sh")))
			must(t, syscall.Mkfifo(filepath.Join(dir, "a/run.sh"), 0o755))
		},
		"link in place of a folder": func(t *testing.T) {
			must(t, os.RemoveAll(filepath.Join(dir, "b")))
			must(t, os.Symlink(t.TempDir(), filepath.Join(dir, "b")))
		},
		"link in place of a file": func(t *testing.T) {
			must(t, os.Remove(filepath.Join(dir, "a/run.sh")))
			must(t, os.Symlink("module.py", filepath.Join(dir, "a/run.sh")))
		},
	}
	if _, _, err := layOut(tasks, dir); err != nil {
		t.Fatal(err)
	}
	for name, disturb := range disturb {
		t.Run(name, func(t *testing.T) {
			disturb(t)
			for range 2 { // the second time finds all as it should be
				got, left, err := layOut(tasks, dir)
				if err != nil || got != dir || left != nil {
					t.Fatalf("got %q, %v, %v", got, left, err)
				}
				if diff := cmp.Diff(want, contents(t, dir)); diff != "" {
					t.Errorf("-want +got:\n%s", diff)
				}
			}
		})
	}
}

// A program that is running is not replaced by the same one.
func TestLayOutLeavesSameFileAlone(t *testing.T) {
	dir := resolved(t)
	tasks := fstest.MapFS{"a/run.sh": {Data: []byte("#!/bin/sh\n")}}
	var infos [2]fs.FileInfo
	for i := range infos {
		_, _, err := layOut(tasks, dir)
		must(t, err)
		infos[i], err = os.Stat(filepath.Join(dir, "a/run.sh"))
		must(t, err)
	}
	if !os.SameFile(infos[0], infos[1]) {
		t.Error("the file was replaced")
	}
}

// What is in a folder named by mistake must survive.
func TestLayOutRefusesFolderOfOthers(t *testing.T) {
	dir := resolved(t)
	writeFile(t, filepath.Join(dir, "precious"), "x", 0o644)
	_, _, err := layOut(fstest.MapFS{"a": {}}, dir)
	want := "lay out tasks: " + dir + " holds files that benchd did not put there: empty it, or choose another BENCHD_DATA_DIR"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if diff := cmp.Diff(map[string]string{"precious": "-rw-r--r-- x"}, contents(t, dir)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
