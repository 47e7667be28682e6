// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/proc/proc_maps.h"
#include "edge/observe/site_file.h"

/* Files without a user that are kept, because the next process often has one of them. */
#define MAX_UNUSED 16

/* ---- the list ---- */

/* True if the file is still what was searched. Its owner can write to it at any time. */
static bool is_unchanged(const struct site_file *file)
{
	struct stat st;

	if (fstat(file->fd, &st) || st.st_dev != file->dev || st.st_ino != file->ino ||
	    st.st_size != file->size)
		return false;
	for (size_t i = 0; i < file->n; i++)
		if (!probe_site__has_code(&file->site[i], file->fd))
			return false;
	return true;
}

/* Returns the file, moved to the front of the list. */
static struct site_file *known(struct site_file **list, enum site_what what, dev_t dev, ino_t ino)
{
	struct site_file **at = list, *file;

	while ((file = *at)) {
		if (file->what == what && file->dev == dev && file->ino == ino &&
		    is_unchanged(file)) {
			*at = file->next;
			file->next = *list;
			*list = file;
			return file;
		}
		at = &file->next;
	}
	return NULL;
}

static void free_file(struct site_file *file)
{
	close(file->fd);
	free(file);
}

/* Frees the files that have had no user for the longest time. */
static void forget(struct site_file **list)
{
	unsigned int nr_unused = 0;
	struct site_file *file;

	while ((file = *list)) {
		if (file->nr_users || nr_unused++ < MAX_UNUSED) {
			list = &file->next;
			continue;
		}
		*list = file->next;
		free_file(file);
	}
}

static enum probe_program program_of(enum site_what what)
{
	static const enum probe_program programs[] = {
		[SITES_OF_LIBC] = PROBE_COND,
		[SITES_OF_STATIC] = PROBE_COND,
		[SITES_OF_USDT] = PROBE_USDT,
		[SITES_OF_PYTHON2] = PROBE_SEMAPHORE,
	};

	return programs[what];
}

/* Adds a file to the list. Takes over the descriptor, and closes it on failure. */
static struct site_file *add(struct site_file **list, enum site_what what,
			     const struct site_found *found)
{
	struct site_file *file = calloc(1, sizeof(*file));

	if (!file) {
		close(found->fd);
		return NULL;
	}
	file->dev = found->dev;
	file->ino = found->ino;
	file->size = found->size;
	file->what = what;
	file->program = program_of(what);
	file->fd = found->fd;
	snprintf(file->open_path, sizeof(file->open_path), "/proc/self/fd/%d", file->fd);
	file->next = *list;
	*list = file;
	forget(list);
	return file;
}

void site_file__use(struct site_file *file)
{
	if (file)
		file->nr_users++;
}

void site_file__leave(struct site_file *file)
{
	if (file)
		file->nr_users--;
}

/* ---- their probes ---- */

static bool may_attach(const struct site_file *file, struct failure *f)
{
	if (is_unchanged(file))
		return true;
	failure__what(f, "a file that it has mapped was changed after it was searched");
	errno = ESTALE;
	return false;
}

struct attachment *site_file__attach(const struct site_file *file, struct probe *probe,
				     enum probe_program program, pid_t pid, unsigned int index,
				     struct failure *f)
{
	if (!may_attach(file, f))
		return NULL;
	return probe__attach(probe, program, pid, index, file->open_path, file->site, file->n, f);
}

struct attachment *site_file__attach_thread(const struct site_file *file, struct probe *probe,
					    enum probe_program program, pid_t tid,
					    unsigned int index, struct failure *f)
{
	if (!may_attach(file, f))
		return NULL;
	return probe__attach_thread(probe, program, tid, index, file->open_path, file->site,
				    file->n, f);
}

/* ---- searching ---- */

static void list_known(struct site_file *list, struct site_search *s)
{
	for (; list && s->nr_known < SITE_SEARCH_KNOWN; list = list->next) {
		if (list->what != s->what || !is_unchanged(list))
			continue;
		s->known[s->nr_known].dev = list->dev;
		s->known[s->nr_known++].ino = list->ino;
	}
}

/* Stores the places of USDT arguments in the kernel's table, and their indexes in the sites. */
static int enter_arguments(struct site_file *file, const struct site_found *found,
			   struct probe *probe)
{
	for (size_t i = 0; i < found->n; i++) {
		int index = probe__enter_arguments(probe, &found->arguments[i]);

		if (index < 0)
			return index;
		file->site[i].arguments = (__u32)index;
	}
	return 0;
}

/* Adds what was found. Takes over the descriptor. */
static struct site_file *add_found(struct site_file **list, enum site_what what,
				   const struct site_found *found, struct probe *probe,
				   struct failure *f)
{
	struct site_file *file = add(list, what, found);

	if (!file)
		return NULL;
	memcpy(file->site, found->site, sizeof(file->site));
	file->long_nop = found->long_nop;
	file->from = found->from;
	file->is_musl = found->is_musl;
	file->is_static = what == SITES_OF_STATIC;
	file->err = found->err;
	if (!file->err && what == SITES_OF_USDT) {
		file->err = enter_arguments(file, found, probe);
		if (file->err)
			failure__what(f, "its GIL probes have too many different arguments");
	}
	file->n = file->err ? 0 : found->n;
	if (file->err)
		snprintf(file->why, sizeof(file->why), "%.*s", (int)sizeof(file->why) - 1, f->what);
	return file;
}

/* Returns the file if its sites can be used, or else NULL with errno and f as stored in the
 * file. */
static struct site_file *usable(struct site_file *file, struct failure *f)
{
	if (!file) {
		errno = ENOMEM;
		return NULL;
	}
	if (!file->err)
		return file;
	failure__what(f, "%s", file->why);
	errno = -file->err;
	return NULL;
}

/* Searches the file, unless it is in the list. `path` is an interpreter's; otherwise NULL. */
static struct site_file *search(struct site_file **list, struct looker *looker, enum site_what what,
				struct probe *probe, pid_t pid, const char *path, struct failure *f)
{
	struct site_search s = {.what = what, .pid = pid};
	struct failure why = {.what = ""};
	struct site_file *file;
	struct site_found found;
	int err;

	snprintf(s.path, sizeof(s.path), "%s", path ? path : "");
	list_known(*list, &s);
	err = looker__search(looker, &s, &found, &why);
	if (err) {
		if (f && why.what[0])
			*f = why;
		errno = -err;
		return NULL;
	}
	file = found.known ? known(list, what, found.dev, found.ino) : NULL;
	if (found.known)
		close(found.fd);
	else
		file = add_found(list, what, &found, probe, &why);
	if (found.known && !file) {
		failure__what(f, "a file that it has mapped was changed after it was searched");
		errno = ESTALE;
		return NULL;
	}
	return usable(file, f);
}

struct site_file *site_file__of_libc(struct site_file **list, struct looker *looker, pid_t pid,
				     struct failure *f)
{
	return search(list, looker, SITES_OF_LIBC, NULL, pid, NULL, f);
}

struct site_file *site_file__of_static(struct site_file **list, struct looker *looker, pid_t pid,
				       const struct python *py, struct failure *f)
{
	return search(list, looker, SITES_OF_STATIC, NULL, pid, py->path, f);
}

struct site_file *site_file__of_python2(struct site_file **list, struct looker *looker, pid_t pid,
					const struct python *py, struct failure *f)
{
	return search(list, looker, SITES_OF_PYTHON2, NULL, pid, py->path, f);
}

struct site_file *site_file__of_usdt(struct site_file **list, struct looker *looker,
				     struct probe *probe, pid_t pid, const struct python *py,
				     struct failure *f)
{
	return search(list, looker, SITES_OF_USDT, probe, pid, py->path, f);
}

struct site_file *site_file__of_self(struct site_file **list, struct probe *probe)
{
	char path[PATH_MAX];

	proc__exe(0, path);
	return search(list, NULL, SITES_OF_USDT, probe, 0, path, NULL);
}

void site_file__free_all(struct site_file *list)
{
	while (list) {
		struct site_file *next = list->next;

		free_file(list);
		list = next;
	}
}
