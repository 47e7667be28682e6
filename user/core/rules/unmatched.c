// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "core/base/format.h"
#include "core/base/suggest.h"
#include "core/rules/unmatched.h"

static void offer_subject(struct suggestion *s, const char *name, char *list, size_t size,
			  size_t *listed)
{
	struct format clean = format_name(name, strlen(name), false);
	char word[90];
	size_t used = strlen(list);

	suggest__offer(s, clean.s, strlen(clean.s));
	snprintf(word, sizeof(word), "\"%s\"", clean.s);
	if (strstr(list, word) || *listed == 5)
		return;
	(*listed)++;
	snprintf(list + used, size - used, "%s%s", used ? ", " : "", word);
}

/* Offers what there was for the key: in processes that match the keys before it. */
static void offer_subjects(enum scope_key key, const struct scope *scope,
			   const struct snapshot *run, struct suggestion *s, char *list,
			   size_t size)
{
	struct scope before = *scope;
	size_t listed = 0;

	for (int k = 0; k < SCOPE_KEYS; k++)
		if (key != SCOPE_THREAD && k >= (int)key)
			before.match[k].given = false;
	for (size_t i = 0; i < run->nr_processes; i++) {
		const struct snapshot_process *p = &run->processes[i];

		if (!scope__matches_process(&before, p))
			continue;
		if (key != SCOPE_THREAD) {
			offer_subject(s, scope__subject(key, p, NULL).s, list, size, &listed);
			if (key == SCOPE_PROCESS && p->command[0])
				offer_subject(s, p->command, list, size, &listed);
			continue;
		}
		for (size_t j = 0; j < p->nr_gils; j++)
			for (size_t k = 0; k < p->gils[j].nr_threads; k++)
				offer_subject(s, scope__subject(key, p, &p->gils[j].threads[k]).s,
					      list, size, &listed);
	}
}

void unmatched__tell(struct judgement *j, const struct assertion *a, enum scope_key key,
		     const struct snapshot *run, const char *where)
{
	const struct scope_match *m = &a->scope.match[key];
	struct assertion_error *e = &j->error;
	struct suggestion s = suggest__begin(m->pattern, strlen(m->pattern));
	char list[120] = "";

	offer_subjects(key, &a->scope, run, &s, list, sizeof(list));
	e->at = a->scope_at[key];
	e->length = a->scope_length[key];
	snprintf(e->message, sizeof(e->message), "no %s in %s matches; there %s %s",
		 key == SCOPE_THREAD ? "thread" : "process", where, list[0] ? "is" : "was none",
		 list);
	if (s.best[0])
		snprintf(e->suggestion, sizeof(e->suggestion), "\"%s\"", s.best);
	snprintf(j->why, sizeof(j->why), "%s", e->message);
	j->verdict = JUDGED_ERROR;
}

enum scope_key unmatched__key(const struct assertion *a, const struct selection *sel,
			      const struct snapshot *run)
{
	struct scope scope = {0};

	if (!sel->processes) {
		for (int key = SCOPE_PID; key < SCOPE_KEYS; key++) {
			bool any = false;

			scope.match[key] = a->scope.match[key];
			for (size_t i = 0; !any && i < run->nr_processes; i++)
				any = scope__matches_process(&scope, &run->processes[i]);
			if (a->scope.match[key].given && !any)
				return (enum scope_key)key;
		}
		return SCOPE_KEYS;
	}
	if (sel->thread_scoped && !sel->threads && !sel->folded && !sel->process.free_threaded)
		return SCOPE_THREAD;
	return SCOPE_KEYS;
}
