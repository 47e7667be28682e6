/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The result of `gilscope check`, and the formats in which it is reported. */
#ifndef CHECK_H
#define CHECK_H

#include "core/check/baseline.h"
#include "core/rules/judge.h"
#include "core/rules/moments.h"
#include "core/report/render.h"

struct check {
	const struct assertion_set *set;
	struct judgement *judgements; /* one for each rule */
	struct runs runs;
	const struct moments *moments; /* NULL: moments were not recorded */
	const char *title;             /* what was observed: the command, "process 12"... */
	bool launched;                 /* a command was launched */
	int command_status; /* of the last run's command, as in a shell; 0 if there is none */
	size_t warmups;
	const char *trace; /* file with the capture of the failing run; NULL: none was kept */
	enum judged inconclusive_is; /* what an inconclusive rule counts as: JUDGED_INCONCLUSIVE,
					JUDGED_PASS or JUDGED_FAIL */
};

/* Exit statuses of `check`, in addition to those of all commands. */
enum check_status {
	CHECK_STATUS_FAILED = 1,
	CHECK_STATUS_INCONCLUSIVE = 3,
};

/* Judges all rules. 0 or -ENOMEM; clear c in both cases. */
int check__judge(struct check *c, const struct assertion_set *set, const struct runs *runs,
		 const struct runs *baseline);
void check__clear(struct check *c);

/* The number of rules with that verdict. */
size_t check__count(const struct check *c, enum judged verdict);
/* The exit status that follows from the rules alone: 1 if one failed, 2 if one matched nothing, 3
 * if one is inconclusive (unless that counts as something else), otherwise 0. */
int check__status(const struct check *c);
/* "3 rules: 2 pass, 1 fail" */
struct format check__summary(const struct check *c);

/* Parts of sentences that several formats share. `ascii`: only ASCII characters. */
/* The rule as it is printed, without characters that would control a terminal. */
struct assertion_text check__rule(const struct assertion *a, bool ascii);
/* "12.3 ms": a value in the figure's unit. Shares are written in the way their limit was. */
struct format check__value(const struct assertion *a, double value, bool ascii);
/* "12.3 ms (12.2 to 12.7 ms), over 3 runs"; "not known". */
struct format_long check__measured(const struct assertion *a, const struct judgement *j,
				   bool ascii);
/* "limit 10 ms, 1.23 times as much"; empty if there is no limit. */
struct format_long check__distance(const struct assertion *a, const struct judgement *j,
				   bool ascii);
/* The verdict in one sentence with the measured value, the limit and why. */
struct check_sentence {
	char s[640];
};
struct check_sentence check__sentence(const struct assertion *a, const struct judgement *j,
				      bool ascii);
/* Where the rule comes from: "rules.txt:3"; "--assert". */
struct format_long check__place(const struct assertion *a);

/* The formats. `name` is the option's, without its dashes. */
struct check_format {
	const char *name;
	const char *help;
	/* Flushes the stream, and returns 0, or -errno if the stream has an error. */
	int (*render)(FILE *out, const struct check *c, const struct render_options *o);
};

/* The table. It ends with a row without a name. The first row is the default. */
extern const struct check_format check_format_table[];
const struct check_format *check_format__find(const char *name);

int check_text(FILE *out, const struct check *c, const struct render_options *o);
int check_json(FILE *out, const struct check *c, const struct render_options *o);
int check_junit(FILE *out, const struct check *c, const struct render_options *o);
int check_tap(FILE *out, const struct check *c, const struct render_options *o);
int check_openmetrics(FILE *out, const struct check *c, const struct render_options *o);
/* The text format of Prometheus itself, as node_exporter's textfile collector reads it. */
int check_prometheus(FILE *out, const struct check *c, const struct render_options *o);
int check_github(FILE *out, const struct check *c, const struct render_options *o);
/* Markdown for $GITHUB_STEP_SUMMARY. */
int check_markdown(FILE *out, const struct check *c, const struct render_options *o);

/* Flushes. 0, or -errno if the stream has an error, now or from before. */
int check__flush(FILE *out);

#endif
