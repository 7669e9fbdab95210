package bench

import (
	"maps"
	"testing"
)

// Each of what defines the work makes another input; what does not, none.
func TestInput(t *testing.T) {
	t.Parallel()
	made := func() Experiment {
		return Experiment{Size: "quick", Unit: "bytes", Passes: 2, Args: []string{"-v"}, Params: map[string]string{"urls": "10"},
			Expected: Expected{Items: 1, Units: 2, Checksum: 3}, Env: map[string]string{"WORKLOAD_URLS": "10"}}
	}
	original := made()
	for name, test := range map[string]struct {
		change func(*Experiment)
		same   bool
	}{
		"nothing":     {func(*Experiment) {}, true},
		"description": {func(x *Experiment) { x.Title, x.Description = "new", "words" }, true},
		"time-out":    {func(x *Experiment) { x.Timeout++ }, true},
		"size":        {func(x *Experiment) { x.Size = "standard" }, false},
		"unit":        {func(x *Experiment) { x.Unit = "pages" }, false},
		"passes":      {func(x *Experiment) { x.Passes++ }, false},
		"items":       {func(x *Experiment) { x.Expected.Items++ }, false},
		"units":       {func(x *Experiment) { x.Expected.Units++ }, false},
		"checksum":    {func(x *Experiment) { x.Expected.Checksum++ }, false},
		"a parameter": {func(x *Experiment) { x.Params["urls"] = "11" }, false},
		"one more":    {func(x *Experiment) { x.Params["delay"] = "0" }, false},
		"arguments":   {func(x *Experiment) { x.Args = []string{"-v", "-fast"} }, false},
		"one for two": {func(x *Experiment) { x.Args = []string{`-v" "-fast`} }, false},
	} {
		x := made()
		x.Params = maps.Clone(x.Params)
		test.change(&x)
		if (x.Input() == original.Input()) != test.same {
			t.Errorf("%s: the input is %s, was %s", name, x.Input(), original.Input())
		}
	}
}
