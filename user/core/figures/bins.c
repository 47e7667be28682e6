// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>

#include "core/figures/bins.h"

__u64 bins__low(int bin)
{
	static const __u64 steps[] = {1, 2, 5};
	__u64 decade = 100;

	if (bin == 0)
		return 0;
	for (int i = (bin - 1) / 3; i; i--)
		decade *= 10;
	return decade * steps[(bin - 1) % 3];
}

struct bins bins__of_hist(const struct gil_hist *h)
{
	struct bins b = {.first = BINS, .last = -1};
	int bin = 0;

	for (__u32 i = 0; i < GIL_HIST_SLOTS; i++) {
		__u64 middle = (gil_hist_lo(i) + gil_hist_lo(i + 1)) / 2;

		while (bin + 1 < BINS && bins__low(bin + 1) <= middle)
			bin++;
		if (!h->slot[i])
			continue;
		b.count[bin] += h->slot[i];
		if (b.count[bin] > b.largest)
			b.largest = b.count[bin];
		if (b.first == BINS)
			b.first = bin;
		b.last = bin;
	}
	return b;
}

static void bound(char *buf, size_t size, __u64 ns, bool ascii)
{
	static const __u64 scale[] = {1, 1000, 1000000, 1000000000};
	const char *const unit[] = {"ns", ascii ? "us" : "µs", "ms", "s"};
	int i = 3;

	while (i && ns < scale[i])
		i--;
	snprintf(buf, size, "%llu%s", (unsigned long long)(ns / scale[i]), unit[i]);
}

struct format bins__label(int bin, bool ascii)
{
	char lo[24], hi[24];
	struct format f;

	bound(lo, sizeof(lo), bins__low(bin), ascii);
	bound(hi, sizeof(hi), bins__low(bin + 1), ascii);
	if (bin == BINS - 1)
		snprintf(f.s, sizeof(f.s), "%s or more", lo);
	else
		snprintf(f.s, sizeof(f.s), "[%s, %s)", lo, hi);
	return f;
}
