// Package detect finds lasting changes in a series of figures: it tells a
// regression from noise. It lies below the flow and imports nothing of ours.
//
// Judging is a pure function of the values of the current regime, which begins
// where the last accepted change did. Nothing is kept between calls, so a
// restart from stored values raises the same alerts, and only the newest
// MaxValues of the values count, so that a call has a bounded cost.
//
// The newest m values are held against up to 50 before them, for m of 4 to 60.
// A change is one only where two tests of different weakness agree:
//
//   - Ranks: Mann and Whitney, On a test of whether one of two random variables
//     is stochastically larger than the other, Ann. Math. Statist. 18 (1947).
//     No outlier, however large, and no odd distribution deceives it, but it
//     does not know by how much values differ, nor that neighbours resemble one
//     another.
//   - Size: the difference of two robust levels by its standard error, which
//     knows of autocorrelation, but trusts its estimate of the spread.
//
// The first regime of a series (Options.First) must be longer than later ones
// before it is judged, as its autocorrelation is not known. Levels that are
// visited again and again for few runs, as with two modes, need surer ranks. And
// where noise grows, the size must be sure by what either side spreads as well.
//
// Either alone raises many times as many false alarms on real series (see
// README.md); the size must besides be of interest (Options.LeastEffect).
package detect
