/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A histogram of times in the few bins that fit a terminal: steps of 1, 2 and 5, from 100 ns on. */
#ifndef BINS_H
#define BINS_H

#include "core/base/format.h"
#include "gil_hist.h"

/* Below 100 ns; [100 ns, 200 ns) and so on; from 50 s. */
#define BINS 28

struct bins {
	__u64 count[BINS];
	__u64 largest; /* of the counts */
	int first;     /* the first bin with a count; first > last if all counts are 0 */
	int last;
};

/* A slot goes to the bin that contains its middle, so bin boundaries are exact to 1/32. */
struct bins bins__of_hist(const struct gil_hist *h);

/* The lower end of a bin in ns. The first bin begins at 0. */
__u64 bins__low(int bin);

/* "[5ms, 10ms)" */
struct format bins__label(int bin, bool ascii);

#endif
