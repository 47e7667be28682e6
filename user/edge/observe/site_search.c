// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files on FUSE are refused. Where a page of such a file comes from, and when, is up to a program of
 * the user who has mounted it. The kernel reads the page under a probe while it holds back every
 * fork on the machine, so that program could stop the machine for as long as it likes. Nor does
 * gilscope itself keep such a file: asking for its size, even closing it, may wait for that program.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/observe/site_search.h"
#include "edge/proc/proc_maps.h"
#include "edge/proc/proc_mounts.h"
#include "edge/python/python2.h"
#include "edge/sites/libc.h"
#include "edge/sites/usdt.h"

static int refuse_fuse(pid_t pid, const struct site_found *found, struct failure *f)
{
	if (!proc_mounts__is_served_by_user(pid, found->fd))
		return 0;
	failure__what(f,
		      "a file that it has mapped may be on a FUSE file system of a user, who could "
		      "make the whole machine wait for a probe in it");
	return -ENOTSUP;
}

static bool is_known(const struct site_search *s, const struct site_found *found)
{
	for (unsigned int i = 0; i < s->nr_known && i < SITE_SEARCH_KNOWN; i++)
		if (s->known[i].dev == found->dev && s->known[i].ino == found->ino)
			return true;
	return false;
}

/* Notes what the open file is. Returns 0 or -errno. */
static int identify(const struct site_search *s, struct site_found *found)
{
	struct stat st;

	if (fstat(found->fd, &st))
		return -errno;
	found->dev = st.st_dev;
	found->ino = st.st_ino;
	found->size = st.st_size;
	found->known = is_known(s, found);
	return 0;
}

static int search_usdt(struct elf_file *e, struct site_found *found, struct failure *f)
{
	struct usdt u;
	int err = usdt__find(e, &u, f);

	if (err == -ENOENT)
		failure__what(f, "the interpreter carries no GIL probes");
	if (err)
		return err;
	found->n = u.n;
	found->long_nop = u.long_nop;
	memcpy(found->site, u.site, sizeof(u.site));
	memcpy(found->arguments, u.arguments, sizeof(u.arguments));
	return 0;
}

static int search_python2(struct elf_file *e, struct site_found *found)
{
	int n = python2__sites(e, found->site);

	found->n = n < 0 ? 0 : (size_t)n;
	return n < 0 ? n : 0;
}

/* Searches the open file. Returns 0, or why it has no usable sites, with f filled. */
static int search(const struct site_search *s, struct site_found *found, struct failure *f)
{
	struct elf_file e;
	int fd = fcntl(found->fd, F_DUPFD_CLOEXEC, 0), err;

	err = fd < 0 ? -errno : elf_file__open_fd(&e, fd);
	if (!err) {
		if (s->what == SITES_OF_USDT)
			err = search_usdt(&e, found, f);
		else if (s->what == SITES_OF_PYTHON2)
			err = search_python2(&e, found);
		else
			err = cond_sites__find(&e, s->pid, s->path, found->site, &found->from, f);
		if (s->what == SITES_OF_STATIC)
			found->n = err ? 0 : COND_SITES;
		elf_file__close(&e);
	}
	if (err && f && !f->what[0])
		failure__what(f, "the interpreter's file cannot be read: %s", strerror(-err));
	return err;
}

static int search_libc(const struct site_search *s, struct site_found *found, struct failure *f)
{
	struct libc libc;
	int err = libc__find(s->pid, &libc, f);

	if (err)
		return err;
	found->fd = libc.fd;
	err = identify(s, found) ?: refuse_fuse(s->pid, found, f);
	if (err)
		close(found->fd);
	found->n = LIBC_SITES;
	found->is_musl = libc__is_musl(libc.path);
	memcpy(found->site, libc.site, sizeof(libc.site));
	return err;
}

int site_search(const struct site_search *s, struct site_found *found, struct failure *f)
{
	int err;

	memset(found, 0, sizeof(*found));
	if (s->what == SITES_OF_LIBC)
		return search_libc(s, found, f);
	found->fd = proc__open_mapped(s->pid, s->path);
	if (found->fd < 0)
		return found->fd;
	err = identify(s, found) ?: refuse_fuse(s->pid, found, f);
	if (err)
		close(found->fd);
	else if (!found->known)
		found->err = search(s, found, f);
	return err;
}

/* True if the memory at the site differs from the file, that is, if it has the breakpoint. */
static bool has_breakpoint(pid_t tid, const struct proc_maps *maps, ino_t ino,
			   const struct probe_site *site)
{
	unsigned char code[4];
	struct proc_map map;
	size_t at = 0;

	if (site->nr_code < sizeof(code))
		return false;
	while (proc_maps__next(maps, &at, &map))
		if (map.executable && map.ino == ino && site->offset >= map.offset &&
		    site->offset - map.offset < map.end - map.start)
			return !proc_mem__read(tid, map.start + (site->offset - map.offset), code,
					       sizeof(code)) &&
			       memcmp(code, site->code, sizeof(code));
	return false;
}

int site_search__breakpoints(pid_t tid, const struct site_found *sites)
{
	struct proc_maps maps = {0};
	int err = proc_maps__read(tid, &maps) || !maps.size ? -ESRCH : 0;

	for (size_t i = 0; i < sites->n && i < PROBE_SITES && !err; i++)
		err = has_breakpoint(tid, &maps, sites->ino, &sites->site[i]) ? 0 : -ENOLINK;
	proc_maps__free(&maps);
	return err;
}
