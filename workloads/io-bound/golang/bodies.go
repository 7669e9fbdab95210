package iobound

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// bodies is the one file to which all workers append. A lock held for the copy
// into a buffer is cheaper than a goroutine that is sent every body, for the
// body would have to outlive its worker's buffer then.
type bodies struct {
	mu     sync.Mutex
	file   *os.File
	writer *bufio.Writer
}

func openBodies(dir string) (*bodies, error) {
	file, err := os.OpenFile(filepath.Join(dir, "bodies"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open file for the bodies: %w", err)
	}
	return &bodies{file: file, writer: bufio.NewWriterSize(file, 64<<10)}, nil
}

// append keeps an error for close to return: bufio.Writer does so.
func (b *bodies) append(body []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, _ = b.writer.Write(body)
}

func (b *bodies) close() error {
	if err := b.writer.Flush(); err != nil {
		return fmt.Errorf("append body: %w", err)
	}
	if err := b.file.Close(); err != nil {
		return fmt.Errorf("close file of the bodies: %w", err)
	}
	return nil
}
