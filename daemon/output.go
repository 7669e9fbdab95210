package main

import (
	"io"

	"benchd/daemon/terminal"
)

// output is where a command prints. Text of others is in it somewhere, so it is
// escaped. That something could not be written, because the disk is full, is
// kept for the exit status: no command has to look at each line.
type output struct {
	to     terminal.Writer
	failed error // of the first line that could not be written
}

func newOutput(w io.Writer) *output { return &output{to: terminal.Writer{Writer: w}} }

// Write implements io.Writer.
func (o *output) Write(text []byte) (int, error) {
	n, err := o.to.Write(text)
	if o.failed == nil {
		o.failed = err
	}
	return n, err
}

// unescaped is where a command's output goes: the progress bar moves the cursor
// on purpose.
func unescaped(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return o.to.Writer
	}
	return w
}
