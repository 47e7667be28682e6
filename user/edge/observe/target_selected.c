// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * --name, --unit, --cgroup, --container: begins with the running processes that match, and goes on with
 * those that match later: after an exec, which the kernel reports, or after a fork into the cgroup, a
 * move or a change of title, which the looks at all processes find (target_all.c).
 *
 * Of what a cgroup contains, each CPython is observed by itself. What has the name is observed with its
 * descendants, as with -p: it may be a script whose workers are CPythons.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/suggest.h"
#include "edge/observe/target_private.h"
#include "edge/proc/proc_list.h"
#include "edge/proc/proc_maps.h"

/* The size of /proc/PID/cgroup that is looked at: with cgroup v1, it has some fifteen lines. */
#define CGROUPS 16384

bool target_spec__is_open(const struct target_spec *spec)
{
	return spec->all || spec->nr_selectors;
}

void target_spec__tell(const struct target_spec *spec, char *text, size_t size)
{
	size_t n = 0;

	if (spec->all)
		snprintf(text, size, "all processes");
	for (size_t i = 0; i < spec->nr_pids && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%d", i ? ", " : "process ",
				      spec->pids[i]);
	for (size_t i = 0; i < spec->nr_selectors && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%s %s", n ? ", " : "",
				      selector_names[spec->selectors[i].kind],
				      spec->selectors[i].word);
	for (char **word = spec->argv; word && *word && n < size; word++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", n ? " " : "", *word);
}

/* ---- what matches ---- */

/* What is known about a process, as far as it was asked for. */
struct known {
	bool named, grouped;
	char comm[16], command[PROGRAM_NAME];
	char cgroups[CGROUPS];
};

static bool matches(const struct target *t, struct selector *s, pid_t pid, struct known *k)
{
	if (s->kind != SELECT_name) {
		if (!k->grouped)
			proc__cgroups(pid, k->cgroups, sizeof(k->cgroups));
		k->grouped = true;
		return selector__matches_cgroup(s, k->cgroups);
	}
	if (!k->named) {
		k->command[0] = '\0';
		proc__comm(pid, k->comm);
		/* A kernel thread has no arguments, and no memory. */
		looker__command(t->looker, pid, k->command);
	}
	k->named = true;
	return selector__matches_name(s, k->comm, k->command);
}

/* The first selector that the process matches, or NULL; each one counts what it matches. */
static struct selector *find_selector(const struct target *t, pid_t pid)
{
	struct selector *found = NULL;
	struct known k = {0};

	for (size_t i = 0; i < t->spec->nr_selectors; i++) {
		struct selector *s = &t->spec->selectors[i];

		if (!matches(t, s, pid, &k))
			continue;
		s->matched++;
		found = found ?: s;
	}
	return found;
}

/* True if what the process will become, or starts, is also meant. */
static bool is_followed(const struct target *t, const struct selector *s)
{
	return s->kind == SELECT_name && t->spec->follow;
}

static void adopt(struct target *t, pid_t pid, const struct selector *s)
{
	int err = target__adopt_or_refuse(t, pid);

	/* An interpreter that is not initialized may be so at any moment. */
	if (err == -EAGAIN || (err == -ENOENT && is_followed(t, s)))
		target__follow(t, pid);
	else if (!err && t->spec->follow && t->sweep.began_ns)
		target__adopt_descendants(t);
}

void target__adopt_if_selected(void *ctx, pid_t pid)
{
	struct target *t = ctx;
	const struct selector *s;

	if (target__find(t, pid))
		return;
	s = find_selector(t, pid);
	if (s)
		adopt(t, pid, s);
}

bool target__admits(struct target *t, pid_t pid)
{
	const struct selector *s;

	if (t->spec->all)
		return true;
	s = find_selector(t, pid);
	if (s && is_followed(t, s)) {
		target__follow(t, pid);
		return false;
	}
	return s != NULL;
}

/* ---- nothing matches ---- */

struct near {
	const struct target *t;
	struct suggestion s;
};

static void offer_names(void *ctx, pid_t pid)
{
	struct near *n = ctx;
	char comm[16], command[PROGRAM_NAME] = "";
	size_t length;

	if (!proc__comm(pid, comm) || !looker__command(n->t->looker, pid, command))
		return;
	length = strcspn(command, " :");
	if (length > 3 && !strncmp(command + length - 3, ".py", 3))
		length -= 3;
	suggest__offer(&n->s, comm, strlen(comm));
	suggest__offer(&n->s, command, length);
}

static void explain_name(const struct target *t, const char *word, struct failure *f)
{
	struct near n = {t, suggest__begin(word, strlen(word))};

	proc_list__each(offer_names, &n);
	failure__what(f,
		      n.s.best[0] ? "no process is named %s (did you mean %s?)"
				  : "no process is named %s%s",
		      word, n.s.best);
	failure__cause(
		f, "the whole name is compared: the kernel's, the script's, the module's, or the "
		   "first word of the title; * stands for any characters");
	failure__command(f, "ps -eo pid,comm,args");
}

static void explain_container(const char *word, struct failure *f)
{
	failure__what(f, "no process is in a container %s", word);
	if (selector__is_id(word)) {
		failure__cause(
			f,
			"it does not run, or the cgroups that are seen from here do not carry its "
			"ID");
		failure__command(f, "systemd-cgls");
		return;
	}
	failure__cause(
		f, "of docker, podman, containerd and cri-o the kernel knows the IDs only, and no "
		   "names");
	failure__command(f, "docker inspect --format '{{.Id}}' %s", word);
}

static void explain_selector(const struct target *t, const struct selector *s, struct failure *f)
{
	static const char mount[] = "/sys/fs/cgroup";
	const char *path = s->word;

	if (s->kind == SELECT_name) {
		explain_name(t, s->word, f);
	} else if (s->kind == SELECT_container) {
		explain_container(s->word, f);
	} else if (s->kind == SELECT_unit) {
		failure__what(f, "no process is in the unit %s", s->word);
		failure__cause(f, "it does not run, or has another name");
		failure__command(f, "systemctl status %s", s->word);
	} else {
		if (!strncmp(path, mount, strlen(mount)))
			path += strlen(mount);
		failure__what(f, "no process is in the cgroup %s", s->word);
		failure__cause(f, "there is no such cgroup, or it is empty");
		path += strspn(path, "/");
		failure__command(f, "ls %s/%s", mount, path);
	}
}

/* Each of the selectors must match something, and one of all the processes must be a CPython. */
static int check_found(const struct target *t, struct failure *f)
{
	char text[400];

	for (size_t i = 0; i < t->spec->nr_selectors; i++) {
		const struct selector *s = &t->spec->selectors[i];

		if (!s->matched) {
			explain_selector(t, s, f);
			return -ESRCH;
		}
		if (s->other[0]) {
			failure__what(f, "several containers' IDs begin with %s: %s and %s",
				      s->word, s->id, s->other);
			return -EINVAL;
		}
	}
	for (const struct process *p = t->processes; p; p = p->next)
		if (p->state == PROCESS_TRACED ||
		    (p->state == PROCESS_SEARCHING && p->python.version[0]))
			return 0;
	if (target__refusal(t)) {
		*f = *target__refusal(t);
		return -ENOTSUP;
	}
	target_spec__tell(t->spec, text, sizeof(text));
	failure__what(f, "none of the processes selected (%s) is a CPython", text);
	failure__cause(f, "another process is meant");
	failure__command(f, "pgrep -af python");
	return -ENOENT;
}

/* All that match are counted, even if they are observed already. */
static void begin_with(void *ctx, pid_t pid)
{
	struct target *t = ctx;
	const struct selector *s = find_selector(t, pid);

	if (s && !target__find(t, pid))
		adopt(t, pid, s);
}

int target__start_selected(struct target *t, struct failure *f)
{
	if (!t->spec->nr_selectors)
		return 0;
	proc_list__each(begin_with, t);
	if (t->spec->follow)
		target__adopt_descendants(t);
	return check_found(t, f);
}
