// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Parses a rule by descent through the grammar in assertion.h. Each parse_* takes its part off the
 * text or says what is wrong there. None goes back, so every text comes to an end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/rules/assertion_parser.h"
#include "core/base/format.h"
#include "core/base/suggest.h"

/* ---- figures: METRIC.STATISTIC ---- */

static int unknown_metric(struct parser *p, size_t at, size_t length)
{
	struct suggestion s = suggest__begin(p->text + at, length);

	for (const struct metric *m = metric_table; m->name; m++) {
		size_t n;
		const char *name = metric__rule_name(m, &n);

		suggest__offer(&s, name, n);
	}
	parser__wrong(p, at, length, "unknown metric \"%.*s\"", (int)(length > 64 ? 64 : length),
		      p->text + at);
	return parser__suggest(p, "%s", s.best);
}

/* Lists the statistics of a metric for people: "pN, max, mean". */
static void list_statistics(const struct metric *m, char *list, size_t size)
{
	size_t n = 0;

	list[0] = '\0';
	for (int kind = STATISTIC_PERCENTILE; kind < STATISTICS && n < size; kind++)
		if (statistic__applies(m, (enum statistic_kind)kind))
			n += (size_t)snprintf(list + n, size - n, "%s%s", n ? ", " : "",
					      statistic_table[kind].name);
}

static int unknown_statistic(struct parser *p, const struct metric *m, size_t at, size_t length)
{
	size_t n;
	const char *name = metric__rule_name(m, &n);
	struct suggestion s = suggest__begin(p->text + at, length);
	char list[100];

	if (statistic__applies(m, STATISTIC_PERCENTILE)) {
		static const char *const usual[] = {"p50", "p90", "p99", "p99.9"};

		for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++)
			suggest__offer(&s, usual[i], strlen(usual[i]));
	}
	for (int kind = STATISTIC_MAX; kind < STATISTICS; kind++)
		if (statistic__applies(m, (enum statistic_kind)kind))
			suggest__offer(&s, statistic_table[kind].name,
				       strlen(statistic_table[kind].name));
	list_statistics(m, list, sizeof(list));
	if (list[0])
		parser__wrong(p, at, length ? length : 1, "%.*s has the statistics %s", (int)n,
			      name, list);
	else
		parser__wrong(p, at, length ? length : 1, "%.*s has no statistics: it is 1 or 0",
			      (int)n, name);
	return parser__suggest(p, "%s", s.best);
}

static size_t statistic_length(const char *s)
{
	size_t n = parser__word_length(s);

	/* "p99.9" has a point of its own. */
	if (n > 1 && s[0] == 'p' && s[n] == '.' && parser__is_digit(s[n + 1]))
		n += 1 + parser__word_length(s + n + 1);
	return n;
}

static int parse_statistic(struct parser *p, struct assertion_figure *f)
{
	size_t length;

	if (parser__is_blank(*parser__here(p)))
		return parser__wrong(p, p->at, 1, "a stray space: %s.max is one word",
				     f->metric->name);
	length = statistic_length(parser__here(p));
	if (statistic__parse(parser__here(p), length, &f->statistic) ||
	    !statistic__applies(f->metric, f->statistic.kind))
		return unknown_statistic(p, f->metric, p->at, length);
	p->at += length;
	return 0;
}

static int parse_figure(struct parser *p, struct assertion_figure *f)
{
	size_t length = parser__word_length(parser__here(p)), n, at = p->at;
	const char *name;

	if (!length)
		return parser__wrong(p, at, parser__stray_length(parser__here(p)),
				     "expected a metric");
	f->metric = metric__find_rule_name(parser__here(p), length);
	if (!f->metric)
		return unknown_metric(p, at, length);
	name = metric__rule_name(f->metric, &n);
	p->at += length;
	if (*parser__here(p) == '.') {
		p->at++;
		return parse_statistic(p, f);
	}
	if (parser__is_blank(*parser__here(p)) &&
	    parser__here(p)[strspn(parser__here(p), " \t")] == '.')
		return parser__wrong(p, p->at, 1, "a stray space: %.*s.max is one word", (int)n,
				     name);
	if (statistic__default(f->metric, &f->statistic))
		return 0;
	parser__wrong(p, at, length, "%.*s is a distribution: name a statistic of it", (int)n,
		      name);
	return parser__suggest(p, "%.*s.p99 or %.*s.max", (int)n, name, (int)n, name);
}

/* ---- scopes ---- */

static int parse_pattern(struct parser *p, struct scope_match *m)
{
	size_t begin = p->at, used = 0;

	if (*parser__here(p) != '"') {
		size_t n = strcspn(parser__here(p), ",} \t");

		parser__wrong(p, begin, n ? n : 1, "a pattern must be in double quotes");
		return n && n < SCOPE_PATTERN
			       ? parser__suggest(p, "\"%.*s\"", (int)n, parser__here(p))
			       : -EINVAL;
	}
	for (p->at++; *parser__here(p) != '"'; p->at++) {
		if (*parser__here(p) == '\\' &&
		    (parser__here(p)[1] == '"' || parser__here(p)[1] == '\\'))
			p->at++;
		if (!*parser__here(p))
			return parser__wrong(p, begin, p->at - begin, "the quote is not closed");
		if (used + 1 >= sizeof(m->pattern))
			return parser__wrong(p, begin, p->at - begin,
					     "a pattern can have at most %zu bytes",
					     sizeof(m->pattern) - 1);
		m->pattern[used++] = *parser__here(p);
	}
	m->pattern[used] = '\0';
	p->at++;
	return used ? 0 : parser__wrong(p, begin, 2, "an empty pattern matches nothing");
}

static int parse_key(struct parser *p, int *found)
{
	size_t length = parser__word_length(parser__here(p));
	struct suggestion s = suggest__begin(parser__here(p), length);
	char list[80] = "";

	for (int key = 0; key < SCOPE_KEYS; key++) {
		const char *name = scope_key_table[key].name;
		size_t n = strlen(name), used = strlen(list);

		if (n == length && !strncmp(name, parser__here(p), n)) {
			p->at += length;
			parser__skip_blanks(p);
			*found = key;
			return 0;
		}
		suggest__offer(&s, name, n);
		snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", name);
	}
	parser__wrong(p, p->at, parser__stray_length(parser__here(p)), "expected one of: %s", list);
	return parser__suggest(p, "%s", s.best);
}

static int parse_match(struct parser *p)
{
	size_t at = p->at;
	struct scope_match *m;
	int key = SCOPE_THREAD, err;

	err = parse_key(p, &key);
	if (err)
		return err;
	m = &p->a->scope.match[key];
	if (m->given)
		return parser__wrong(p, at, strlen(scope_key_table[key].name), "%s is given twice",
				     scope_key_table[key].name);
	if (key == SCOPE_THREAD && !metric__is_per_thread(p->a->figure.metric)) {
		parser__wrong(p, at, strlen("thread"), "%s is not measured for single threads",
			      p->a->figure.metric->name);
		return p->a->figure.metric->unit == METRIC_RATIO
			       ? parser__suggest(p, "hold.ratio or wait.ratio")
			       : -EINVAL;
	}
	if ((key == SCOPE_FUNCTION || key == SCOPE_FILE) &&
	    !metric__is_per_function(p->a->figure.metric)) {
		parser__wrong(p, at, strlen(scope_key_table[key].name),
			      "%s is not measured for single functions", p->a->figure.metric->name);
		return parser__suggest(p, "blame.ratio or blame_hold.ratio");
	}
	if (*parser__here(p) != '=' && *parser__here(p) != '~')
		return parser__wrong(p, p->at, parser__stray_length(parser__here(p)),
				     "expected = (equal) or ~ (a pattern with * and ?)");
	m->given = true;
	m->glob = *parser__here(p) == '~';
	p->at++;
	parser__skip_blanks(p);
	p->a->scope_at[key] = (int)p->at;
	err = parse_pattern(p, m);
	p->a->scope_length[key] = (int)p->at - p->a->scope_at[key];
	parser__skip_blanks(p);
	return err;
}

static int parse_scope(struct parser *p)
{
	size_t begin = p->at;
	int err;

	do {
		p->at++; /* { or , */
		parser__skip_blanks(p);
		err = parse_match(p);
		if (err)
			return err;
	} while (*parser__here(p) == ',');
	if (*parser__here(p) != '}')
		return *parser__here(p)
			       ? parser__wrong(p, p->at, parser__stray_length(parser__here(p)),
					       "expected , or }")
			       : parser__wrong(p, begin, p->at - begin,
					       "the scope is not closed by }");
	p->at++;
	parser__skip_blanks(p);
	return 0;
}

/* ---- what may follow a limit ---- */

static int parse_over(struct parser *p)
{
	size_t length = parser__word_length(parser__here(p));
	struct suggestion s = suggest__begin(parser__here(p), length);
	struct assertion *a = p->a;

	for (int i = 0; i < ASSERTION_OVERS; i++) {
		const char *name = assertion_over__name((enum assertion_over)i);

		if (parser__is_keyword(p, name)) {
			a->over = (enum assertion_over)i;
			a->has_over = true;
			if (a->op <= ASSERTION_GE || a->over == ASSERTION_ALL ||
			    a->over == ASSERTION_MEDIAN) {
				parser__take_keyword(p, name);
				return 0;
			}
			parser__wrong(p, p->at, length, "%s cannot be judged \"over %s\"",
				      assertion_op__name(a->op), name);
			return parser__suggest(p, "over all");
		}
		suggest__offer(&s, name, strlen(name));
	}
	parser__wrong(p, p->at, parser__stray_length(parser__here(p)),
		      "expected median, best, worst or all");
	return parser__suggest(p, "%s", s.best);
}

/* A sum over all functions says nothing. */
static int need_functions(struct parser *p, const struct metric *m, size_t at)
{
	const struct scope *scope = &p->a->scope;
	size_t n;
	const char *name = metric__rule_name(m, &n);

	if (!metric__is_per_function(m) || scope->match[SCOPE_FUNCTION].given ||
	    scope->match[SCOPE_FILE].given)
		return 0;
	parser__wrong(p, at, n, "%.*s needs a scope that says which functions are meant", (int)n,
		      name);
	return parser__suggest(p, "%.*s.ratio{function~\"json.*\"}", (int)n, name);
}

static int parse_condition(struct parser *p)
{
	struct assertion_condition *c = &p->a->condition;
	size_t at = p->at;
	int err = parse_figure(p, &c->figure);

	parser__skip_blanks(p);
	err = err ?: need_functions(p, c->figure.metric, at);
	if (!err && *parser__here(p) == '{')
		return parser__wrong(p, p->at, 1,
				     "a condition cannot have a scope; the rule's own applies");
	err = err ?: parser__op(p, &c->op);
	err = err ?: parser__value(p, &c->figure, &c->value);
	parser__skip_blanks(p);
	p->a->has_condition = true;
	return err;
}

static int unexpected(struct parser *p)
{
	static const char *const words[] = {"vs", "over", "if"};
	size_t length = parser__stray_length(parser__here(p));
	struct suggestion s = suggest__begin(parser__here(p), length);

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		suggest__offer(&s, words[i], strlen(words[i]));
	parser__wrong(p, p->at, length,
		      "unexpected text; expected the end of the rule, or vs, over, if");
	return parser__suggest(p, "%s", s.best);
}

static int check_text(struct parser *p)
{
	if (strlen(p->text) >= ASSERTION_TEXT)
		return parser__wrong(p, ASSERTION_TEXT - 1, 1, "a rule can have at most %d bytes",
				     ASSERTION_TEXT - 1);
	for (const char *s = p->text; *s; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return parser__wrong(p, (size_t)(s - p->text), 1,
					     "unexpected control character");
	return 0;
}

static int parse_rule(struct parser *p)
{
	struct assertion *a = p->a;
	size_t at;
	int err;

	parser__skip_blanks(p);
	a->warn = parser__take_keyword(p, "warn");
	at = p->at;
	err = parse_figure(p, &a->figure);
	parser__skip_blanks(p);
	if (!err && *parser__here(p) == '{')
		err = parse_scope(p);
	err = err ?: need_functions(p, a->figure.metric, at);
	err = err ?: parser__op(p, &a->op);
	err = err ?: parser__limit(p);
	parser__skip_blanks(p);
	if (!err && parser__take_keyword(p, "over"))
		err = parse_over(p);
	if (!err && parser__take_keyword(p, "if"))
		err = parse_condition(p);
	if (!err && *parser__here(p))
		err = unexpected(p);
	return err;
}

int assertion__parse(struct assertion *a, const char *text, struct assertion_error *e)
{
	struct parser p = {.text = text, .a = a, .e = e};
	int err;

	memset(a, 0, sizeof(*a));
	memset(e, 0, sizeof(*e));
	err = check_text(&p);
	if (!err)
		snprintf(a->text, sizeof(a->text), "%s", text);
	return err ?: parse_rule(&p);
}
