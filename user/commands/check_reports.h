/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `gilscope check` writes, and where to: all is opened before anything is measured. */
#ifndef CHECK_REPORTS_H
#define CHECK_REPORTS_H

#include "core/check/check.h"
#include "commands/output.h"

struct check_report_options {
	const char *format; /* of what goes to `output` */
	const char *output; /* NULL: standard output */
	const char *junit;  /* files, or NULL */
	const char *openmetrics;
	const char *save_baseline;
	bool github;
};

struct check_report {
	const struct check_format *format;
	struct output output;
};

#define MAX_REPORTS 4

struct check_reports {
	struct check_report list[MAX_REPORTS];
	size_t nr;
	struct output baseline; /* stream NULL: not wanted */
	FILE *summary;          /* GitHub's; NULL: there is none */
};

/* 0, or -errno with f. */
int check_reports__open(struct check_reports *r, const struct check_report_options *o,
			struct failure *f);
/* Writes and closes all of them. 0, or -errno with f. */
int check_reports__write(struct check_reports *r, const struct check *c, struct failure *f);
/* Closes what is still open; new files are removed. A zeroed one is fine. */
void check_reports__drop(struct check_reports *r);

#endif
