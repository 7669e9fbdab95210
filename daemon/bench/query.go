package bench

// RunQuery selects recorded runs, newest first. Fields with their zero value
// select everything; the others must all match.
type RunQuery struct {
	Task, Runtime, Model string

	Concurrency *int    // nil: any
	Outcome     Outcome // "": any
	Cycle       *int64  // nil: any

	Before int64 // only runs with a smaller ID: the last ID of a page gets the next one; 0: from the newest
	Limit  int   // at most so many runs; 0: the history's default
}
