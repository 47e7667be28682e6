// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/options.h"
#include "core/base/suggest.h"
#include "core/base/text.h"

#define MAX_OPTIONS 48
#define FIRST_LONG  256 /* getopt's value for row i is FIRST_LONG + i */

struct parser {
	struct option longs[MAX_OPTIONS + 1];
	char shorts[2 * MAX_OPTIONS + 4];
	const struct option_row *row[MAX_OPTIONS];
	void *options[MAX_OPTIONS];
	int count;
};

static const struct option_row no_config_row = {
	.name = "no-config", .help = "leave out the defaults of ~/.config/gilscope/config"};
static const struct option_row help_row = {.letter = 'h', .name = "help", .help = "show this help"};

static void parser__add(struct parser *p, const struct option_row *row, void *options)
{
	char *end = p->shorts + strlen(p->shorts);

	if (p->count == MAX_OPTIONS)
		abort();
	p->row[p->count] = row;
	p->options[p->count] = options;
	p->longs[p->count] = (struct option){
		.name = row->name,
		.has_arg = row->arg ? required_argument : no_argument,
		.val = FIRST_LONG + p->count,
	};
	p->count++;
	if (row->letter) {
		*end++ = row->letter;
		if (row->arg)
			*end++ = ':';
		*end = '\0';
	}
}

static int parser__index(const struct parser *p, int value)
{
	if (value >= FIRST_LONG)
		return value - FIRST_LONG;
	for (int i = 0; i < p->count; i++)
		if (p->row[i]->letter == value)
			return i;
	return -1;
}

/* Explains a long option that getopt does not know, or finds to be short for several. */
static void explain_long(const struct parser *p, const char *word, struct failure *f)
{
	size_t length = strcspn(word, "=") - 2, matches = 0;
	struct suggestion s = suggest__begin(word + 2, length);

	for (int i = 0; i < p->count; i++) {
		suggest__offer(&s, p->longs[i].name, strlen(p->longs[i].name));
		matches += !strncmp(p->longs[i].name, word + 2, length);
	}
	if (matches > 1)
		failure__what(f, "--%.*s is short for several options", (int)length, word + 2);
	else if (s.best[0])
		failure__what(f, "unknown option --%.*s (did you mean --%s?)", (int)length,
			      word + 2, s.best);
	else
		failure__what(f, "unknown option --%.*s", (int)length, word + 2);
}

static int bad_option(const struct parser *p, int value, char **argv, struct failure *f)
{
	const char *word = argv[optind - 1];

	if (value == ':')
		failure__what(f, "%s needs an argument", word);
	else if (optopt >= FIRST_LONG)
		failure__what(f, "--%s takes no argument", p->row[optopt - FIRST_LONG]->name);
	else if (optopt > 0)
		failure__what(f, "unknown option -%c", optopt);
	else
		explain_long(p, word, f);
	return -EINVAL;
}

static void parser__begin(struct parser *p, const struct option_group *groups)
{
	*p = (struct parser){.shorts = "+:"};
	parser__add(p, &help_row, NULL);
	parser__add(p, &no_config_row, NULL);
	for (; groups->title; groups++)
		for (const struct option_row *row = groups->rows; row->name; row++)
			parser__add(p, row, groups->options);
	optind = 0; /* glibc: start afresh */
	opterr = 0;
}

bool options__no_config(const struct option_group *groups, int argc, char **argv, bool past_words)
{
	bool found = false;
	struct parser p;
	int value;

	for (int i = 1; past_words && i < argc && strcmp(argv[i], "--") != 0; i++)
		found = found || !strcmp(argv[i], "--no-config");
	parser__begin(&p, groups);
	while (!found && (value = getopt_long(argc, argv, p.shorts, p.longs, NULL)) != -1) {
		int i = parser__index(&p, value);

		/* An error is told by the parse that follows, and --help asks for nothing. */
		if (i < 0 || p.row[i] == &help_row)
			return true;
		found = p.row[i] == &no_config_row;
	}
	return found;
}

int options__set(const struct option_group *groups, const char *name, const char *value,
		 struct failure *f)
{
	struct suggestion s = suggest__begin(name, strlen(name));
	struct failure why = {0};

	for (; groups->title; groups++)
		for (const struct option_row *row = groups->rows; row->name; row++) {
			suggest__offer(&s, row->name, strlen(row->name));
			if (strcmp(row->name, name) != 0)
				continue;
			if (row->arg && !value)
				failure__what(f, "%s needs a value: %s = %s", name, name, row->arg);
			else if (!row->arg && value && strcmp(value, "true") != 0)
				failure__what(f, "%s takes no value", name);
			else if (!row->set(groups->options, value, &why))
				return 0;
			else
				failure__what(f, "%s = %s: %s", name, value ? value : "true",
					      why.what);
			return -EINVAL;
		}
	failure__what(f,
		      s.best[0] ? "there is no option %s (did you mean %s?)"
				: "there is no option %s%s",
		      name, s.best);
	return -EINVAL;
}

int options__parse(const struct option_group *groups, int argc, char **argv, int *rest,
		   struct failure *f)
{
	struct parser p;
	int value;

	parser__begin(&p, groups);
	while ((value = getopt_long(argc, argv, p.shorts, p.longs, NULL)) != -1) {
		int i = parser__index(&p, value), err;
		struct failure why = {0};

		if (value == '?' || value == ':' || i < 0)
			return bad_option(&p, value, argv, f);
		if (p.row[i] == &help_row)
			return 1;
		if (p.row[i] == &no_config_row)
			continue;
		err = p.row[i]->set(p.options[i], optarg, &why);
		if (err) {
			failure__what(f, "--%s %s: %s", p.row[i]->name, optarg ? optarg : "",
				      why.what);
			return err;
		}
	}
	*rest = optind;
	return 0;
}

#define HELP_COLUMN 27
#define HELP_WIDTH  80

static void print_row(const struct option_row *row, FILE *out)
{
	const struct text t = {.out = out, .width = HELP_WIDTH};
	int n;

	n = row->letter ? fprintf(out, "  -%c, --%s", row->letter, row->name)
			: fprintf(out, "      --%s", row->name);
	if (row->arg)
		n += fprintf(out, " %s", row->arg);
	if (n + 2 > HELP_COLUMN) {
		fputc('\n', out);
		n = 0;
	}
	text__spaces(&t, HELP_COLUMN - n);
	text__wrap(&t, TEXT_PLAIN, HELP_COLUMN, HELP_COLUMN, row->help);
}

void options__help(const struct option_group *groups, FILE *out)
{
	for (; groups->title; groups++) {
		fprintf(out, "%s:\n", groups->title);
		for (const struct option_row *row = groups->rows; row->name; row++)
			print_row(row, out);
		fputc('\n', out);
	}
	print_row(&no_config_row, out);
	print_row(&help_row, out);
}

int options__number(const char *text, long long min, long long max, long long *value,
		    struct failure *f)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || *value < min || *value > max) {
		failure__what(f, "not a whole number from %lld to %lld", min, max);
		return -EINVAL;
	}
	return 0;
}

/* The unit behind a number, in ns; 0 if it is none. */
static double unit_of(const char *text)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {
		{"", 1e9},  {"ns", 1},   {"us", 1e3},   {"ms", 1e6},
		{"s", 1e9}, {"m", 60e9}, {"h", 3600e9},
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strcmp(text, units[i].name))
			return units[i].ns;
	return 0;
}

int options__seconds(const char *text, unsigned long long *ns, struct failure *f)
{
	/* The span rejects what strtod would also accept: signs, blanks, "inf", "nan", exponents,
	 * hexadecimal. */
	size_t digits = strspn(text, "0123456789.");
	char *end;
	double length = strtod(text, &end) * unit_of(text + digits);

	if (!digits || end != text + digits || !(length >= 1) || length > 366 * 86400e9) {
		failure__what(f, "not a length of time, such as 10 (seconds), 0.5 or 500ms");
		return -EINVAL;
	}
	*ns = (unsigned long long)length;
	return 0;
}

int options__choice(const char *text, const char *choices, int *choice, struct failure *f)
{
	struct suggestion s = suggest__begin(text, strlen(text));
	const char *at = choices;

	for (*choice = 0;; ++*choice) {
		size_t n = strcspn(at, "|");

		if (n == s.length && !memcmp(at, text, n))
			return 0;
		suggest__offer(&s, at, n);
		if (!at[n])
			break;
		at += n + 1;
	}
	failure__what(f, s.best[0] ? "not one of %s (did you mean %s?)" : "not one of %s%s",
		      choices, s.best);
	return -EINVAL;
}

int options__size(const char *text, unsigned long long min, unsigned long long max,
		  unsigned long long *bytes, struct failure *f)
{
	static const char letters[] = "KMG";
	char *end;
	unsigned long long n;
	const char *letter;

	errno = 0;
	n = strtoull(text, &end, 10);
	letter = *end ? strchr(letters, *end & ~0x20) : NULL;
	if (letter && n <= max >> 10 * (letter - letters + 1)) {
		n <<= 10 * (letter - letters + 1);
		end++;
	} else if (letter) {
		n = max + 1;
		end++;
	}
	if (*text < '0' || *text > '9' || *end || errno) {
		failure__what(f, "'%s' is not a size such as 512K, 64M or 2G", text);
		return -EINVAL;
	}
	if (n < min || n > max) {
		failure__what(f, "'%s' is not between %llu and %llu bytes", text, min, max);
		return -EINVAL;
	}
	*bytes = n;
	return 0;
}
