/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reports of `gilscope check`. All files are opened before anything is measured. */
#ifndef CHECK_REPORTS_H
#define CHECK_REPORTS_H

#include "core/check/check.h"
#include "commands/output.h"

struct check_report_options {
	const char *format; /* format of the report that goes to `output` */
	const char *output; /* NULL: as for_people if the format is "text", else standard output */
	const char
		*for_people; /* where text and annotations go by default; NULL: standard output */
	const char *junit;   /* files, or NULL */
	const char *openmetrics;
	const char *save_baseline;
	bool github;
	bool force; /* files may replace anything */
};

struct check_report {
	const struct check_format *format;
	bool fenced; /* annotations go to the same stream */
	struct output output;
};

#define MAX_REPORTS 4

struct check_reports {
	struct check_report list[MAX_REPORTS];
	size_t nr;
	struct output baseline; /* stream is NULL if not wanted */
	bool force;
	FILE *summary; /* GitHub's step summary, or NULL */
};

/* Returns 0, or -errno with f filled. */
int check_reports__open(struct check_reports *r, const struct check_report_options *o,
			struct failure *f);
/* Writes and closes all reports. Returns 0, or -errno with f filled. */
int check_reports__write(struct check_reports *r, const struct check *c, struct failure *f);
/* Closes what is still open and removes files that were created. A zeroed r is fine. */
void check_reports__drop(struct check_reports *r);

#endif
