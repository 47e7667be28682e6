// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Operators, numbers with their units, and margins to a baseline. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/rules/assertion_parser.h"
#include "core/base/format.h"
#include "core/base/suggest.h"

#define NUMBER_DIGITS 15 /* what a double holds exactly */

int parser__op(struct parser *p, enum assertion_op *op)
{
	size_t length = strspn(parser__here(p), "<>=!~"),
	       gap = length + strspn(parser__here(p) + length, " \t");
	struct suggestion s = suggest__begin(parser__here(p), length);

	if (length && gap > length && parser__here(p)[gap] == '=')
		return parser__wrong(p, p->at + length, gap - length,
				     "a stray space within an operator");
	for (int i = 0; i < ASSERTION_OPS; i++) {
		const char *name = assertion_op__name((enum assertion_op)i);

		if (strlen(name) == length && !strncmp(name, parser__here(p), length)) {
			*op = (enum assertion_op)i;
			p->at += length;
			parser__skip_blanks(p);
			return 0;
		}
		/* Two swapped signs. */
		if (length == 2 && name[0] == parser__here(p)[1] && name[1] == parser__here(p)[0])
			suggest__offer(&s, name, length);
	}
	parser__wrong(p, p->at, length ? length : parser__stray_length(parser__here(p)),
		      "expected one of < <= > >= == !=");
	if (length == 1 && *parser__here(p) == '=')
		return parser__suggest(p, "==");
	return parser__suggest(p, "%s", s.best);
}

static int parse_digits(struct parser *p, struct assertion_number *n)
{
	size_t begin = p->at, digits = 0, gap;
	bool point = false;

	n->digits = 0;
	n->decimals = 0;
	for (; parser__is_digit(*parser__here(p)) || *parser__here(p) == '.'; p->at++) {
		if (*parser__here(p) == '.') {
			if (point || !parser__is_digit(parser__here(p)[1]))
				return parser__wrong(p, p->at, 1, "a stray point in a number");
			point = true;
			continue;
		}
		if (++digits > NUMBER_DIGITS)
			return parser__wrong(p, begin, p->at - begin + 1, "more than %d digits",
					     NUMBER_DIGITS);
		n->digits = n->digits * 10 + (unsigned int)(*parser__here(p) - '0');
		n->decimals += point;
	}
	if (!digits || p->text[begin] == '.')
		return parser__wrong(p, begin, parser__stray_length(p->text + begin),
				     "expected a number");
	gap = strspn(parser__here(p), " \t");
	if (gap && parser__is_digit(parser__here(p)[gap]))
		return parser__wrong(p, p->at, gap, "a stray space within a number");
	return 0;
}

static int parse_unit(struct parser *p, struct assertion_number *n)
{
	size_t length = *parser__here(p) == '%' ? 1 : strcspn(parser__here(p), " \t");
	size_t gap = strspn(parser__here(p), " \t");
	struct suggestion s;

	for (int unit = ASSERTION_NS; unit < ASSERTION_UNITS; unit++) {
		const char *name = assertion_unit__name((enum assertion_unit)unit);
		const char *after = parser__here(p) + gap + strlen(name);

		if (strncmp(name, parser__here(p) + gap, strlen(name)) || parser__is_word(*after))
			continue;
		if (gap)
			return parser__wrong(p, p->at, gap,
					     "a stray space between number and unit");
		if (length != strlen(name))
			continue;
		n->unit = (enum assertion_unit)unit;
		p->at += length;
		return 0;
	}
	if (!length) {
		n->unit = ASSERTION_PLAIN;
		return 0;
	}
	s = suggest__begin(parser__here(p), length);
	for (int unit = ASSERTION_NS; unit < ASSERTION_UNITS; unit++) {
		const char *name = assertion_unit__name((enum assertion_unit)unit);

		suggest__offer(&s, name, strlen(name));
	}
	if (!strncmp(parser__here(p), "µs", length) || !strncmp(parser__here(p), "usec", length))
		snprintf(s.best, sizeof(s.best), "us");
	parser__wrong(p, p->at, length,
		      "unknown unit; expected ns, us, ms, s, m, h, %%, /s or none");
	return parser__suggest(p, "%s", s.best);
}

/* The unit must be one that the figure is measured in. */
static int check_unit(struct parser *p, const struct assertion_figure *f,
		      const struct assertion_number *n, size_t at)
{
	static const char *const wanted[] = {
		[FIGURE_COUNT] = "is a count and has no unit",
		[FIGURE_NS] = "is a time: give ns, us, ms or s",
		[FIGURE_RATE] = "is a rate: give a number and /s",
		[FIGURE_RATIO] =
			"is a share: give a number with %, or one without a unit (1 is all)",
		[FIGURE_FLAG] = "is 1 or 0",
	};
	enum figure_unit unit = statistic__unit(f->metric, f->statistic.kind);
	char digits[40];
	bool right;

	switch (unit) {
	case FIGURE_NS:
		right = n->unit >= ASSERTION_NS && n->unit <= ASSERTION_HOURS;
		break;
	case FIGURE_RATE:
		right = n->unit == ASSERTION_PER_SECOND;
		break;
	case FIGURE_RATIO:
		right = n->unit == ASSERTION_PERCENT || n->unit == ASSERTION_PLAIN;
		break;
	case FIGURE_FLAG:
		right = n->unit == ASSERTION_PLAIN && n->digits <= 1 && !n->decimals;
		break;
	default:
		right = n->unit == ASSERTION_PLAIN;
		break;
	}
	if (right)
		return 0;
	parser__wrong(p, at, p->at - at, "%s %s", assertion_figure__name(f).s, wanted[unit]);
	snprintf(digits, sizeof(digits), "%.*s", (int)strspn(p->text + at, "+-0123456789."),
		 p->text + at);
	if (unit == FIGURE_NS && n->unit == ASSERTION_PLAIN)
		parser__suggest(p, "%sms", digits);
	else if (unit == FIGURE_RATE && n->unit == ASSERTION_PLAIN)
		parser__suggest(p, "%s/s", digits);
	return -EINVAL;
}

int parser__value(struct parser *p, const struct assertion_figure *f, struct assertion_number *n)
{
	size_t at = p->at;
	int err;

	if (*parser__here(p) == '+' || *parser__here(p) == '-') {
		parser__wrong(p, at, 1, "only a margin to a baseline has a sign");
		return parser__suggest(p, "+10%% vs baseline");
	}
	err = parse_digits(p, n);
	err = err ?: parse_unit(p, n);
	return err ?: check_unit(p, f, n, at);
}

static int parse_signed(struct parser *p, struct assertion_number *n)
{
	n->negative = *parser__here(p) == '-';
	if (*parser__here(p) != '+' && *parser__here(p) != '-')
		return parser__wrong(p, p->at, parser__stray_length(parser__here(p)),
				     "a margin begins with + or -");
	p->at++;
	return parse_digits(p, n) ?: parse_unit(p, n);
}

static int parse_margins(struct parser *p)
{
	struct assertion *a = p->a;
	size_t at = p->at;
	int err = parse_signed(p, &a->limit);

	if (err)
		return err;
	if (a->limit.unit != ASSERTION_PERCENT) {
		parser__wrong(p, at, p->at - at, "a margin to a baseline begins with a percentage");
		return parser__suggest(p, "+10%% and %.*s", (int)(p->at - at), p->text + at);
	}
	parser__skip_blanks(p);
	if (parser__take_keyword(p, "and")) {
		at = p->at;
		err = parse_signed(p, &a->absolute);
		err = err ?: check_unit(p, &a->figure, &a->absolute, at);
		if (err)
			return err;
		a->has_absolute = true;
		parser__skip_blanks(p);
	}
	if (!parser__is_keyword(p, "vs")) {
		parser__wrong(p, p->at, parser__stray_length(parser__here(p)),
			      "a margin needs a baseline");
		return parser__suggest(p, "vs baseline");
	}
	return 0;
}

int parser__limit(struct parser *p)
{
	struct assertion *a = p->a;
	size_t at = p->at, end;
	bool margin = *parser__here(p) == '+' || *parser__here(p) == '-';
	int err = margin ? parse_margins(p) : parser__value(p, &a->figure, &a->limit);

	if (err)
		return err;
	parser__skip_blanks(p);
	for (end = p->at; parser__is_blank(p->text[end - 1]);)
		end--;
	if (!parser__is_keyword(p, "vs"))
		return 0;
	if (!margin) {
		parser__wrong(p, at, end - at, "a limit relative to a baseline needs a sign");
		return parser__suggest(p, "+10%%");
	}
	if (a->op > ASSERTION_GE)
		return parser__wrong(p, at, end - at, "a margin needs one of < <= > >=");
	at = p->at;
	parser__take_keyword(p, "vs");
	if (!parser__take_keyword(p, "baseline")) {
		parser__wrong(p, at, p->at + parser__stray_length(parser__here(p)) - at,
			      "expected \"vs baseline\"");
		return parser__suggest(p, "vs baseline");
	}
	a->vs_baseline = true;
	return 0;
}
