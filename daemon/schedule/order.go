package schedule

import "math/rand/v2"

// Order is the order of the runs of a cycle: repeat blocks, each of which has
// every number from 0 to n-1 once, shuffled anew. It depends on nothing but
// its arguments, so that a cycle can be repeated from the seed that was logged.
//
// Blocks, and not one shuffle of all, keep the runs of an experiment apart: a
// bad minute of the machine must not fall on all of them.
func Order(seed uint64, n, repeat int) []int {
	random := rand.New(rand.NewPCG(seed, 0))
	order := make([]int, 0, n*repeat)
	for range repeat {
		order = append(order, random.Perm(n)...)
	}
	return order
}

// cycleSeed gives each cycle a seed of its own that, given the seed of the
// scheduler, depends on its number alone.
func cycleSeed(seed uint64, number int64) uint64 {
	return rand.NewPCG(seed, uint64(number)).Uint64()
}
