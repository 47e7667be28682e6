/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A histogram of times in the few bins that fit a terminal: 1-2-5 of each decade, from 100 ns. */
#ifndef BINS_H
#define BINS_H

#include "core/base/format.h"
#include "gil_hist.h"

/* Below 100 ns; [100 ns, 200 ns) and so on; from 50 s. */
#define BINS 28

struct bins {
	__u64 count[BINS];
	__u64 largest; /* of the counts */
	int first;     /* the first bin with a count, and the last one; first > last if all are 0 */
	int last;
};

/* A slot goes to the bin that has its middle: the ends of bins are good to 1/32. */
struct bins bins__of_hist(const struct gil_hist *h);

/* Where a bin begins, in ns; the first one begins at 0. */
__u64 bins__low(int bin);

/* "[5ms, 10ms)" */
struct format bins__label(int bin, bool ascii);

#endif
