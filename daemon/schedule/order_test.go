package schedule

import (
	"slices"
	"testing"
	"testing/synctest"
)

func TestOrderIsBlocksOfPermutations(t *testing.T) {
	const n, repeat = 20, 3
	order := Order(7, n, repeat)
	if len(order) != n*repeat {
		t.Fatalf("%d runs, want %d", len(order), n*repeat)
	}
	blocks := slices.Collect(slices.Chunk(order, n))
	for _, b := range blocks {
		sorted := slices.Sorted(slices.Values(b))
		for i, v := range sorted {
			if v != i {
				t.Fatalf("block is no permutation: %v", b)
			}
		}
	}
	if slices.Equal(blocks[0], blocks[1]) || slices.Equal(blocks[1], blocks[2]) {
		t.Error("blocks have the same order")
	}
	if !slices.Equal(order, Order(7, n, repeat)) {
		t.Error("the order cannot be repeated")
	}
	if got := Order(7, 0, 5); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

// Over the cycles every experiment has to be at every place equally often, or
// the one after a heavy neighbour would look slow for ever.
func TestOrderIsFair(t *testing.T) {
	const n, cycles = 6, 6000
	var at [n][n]int
	for number := range int64(cycles) {
		for place, i := range Order(cycleSeed(1, number), n, 1) {
			at[i][place]++
		}
	}
	for i := range n {
		for place, count := range at[i] {
			// 1,000 expected; the standard deviation is 29.
			if count < 850 || count > 1150 {
				t.Errorf("%d was %d times at place %d, want about %d", i, count, place, cycles/n)
			}
		}
	}
}

func TestCyclesHaveOrdersOfTheirOwn(t *testing.T) {
	models := func(seed uint64, last int64) (orders [][]string) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(12)
			w.Seed, w.LastCycle, w.Repeat = &seed, last, 2
			for range 2 {
				runs, _, err := w.Cycle(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				var order []string
				for _, r := range runs {
					order = append(order, r.Model)
				}
				orders = append(orders, order)
			}
		})
		return orders
	}
	first := models(1, 0)
	if len(first[0]) != 24 {
		t.Errorf("%d runs, want 2 of each of 12", len(first[0]))
	}
	if slices.Equal(first[0], first[1]) {
		t.Error("two cycles have the same order")
	}
	if again := models(1, 1); !slices.Equal(again[0], first[1]) {
		t.Error("after a restart, cycle 2 has not the order that its seed gives")
	}
	if other := models(2, 0); slices.Equal(other[0], first[0]) {
		t.Error("two seeds give the same order")
	}
}

func TestASeedIsDrawn(t *testing.T) {
	seeds := map[uint64]bool{}
	for range 3 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(1)
			w.Seed = nil
			_, c, err := w.Cycle(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			seeds[c.Seed] = true
		})
	}
	if len(seeds) != 3 {
		t.Errorf("3 schedulers drew the seeds %v", seeds)
	}
}
