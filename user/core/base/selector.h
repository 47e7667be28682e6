/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which processes are meant by a name, a unit of systemd, a cgroup or a container. Only what the kernel
 * says about a process is compared: its names, and /proc/PID/cgroup. Whoever starts a process chooses its
 * names, and whoever may make cgroups chooses theirs; so a selector never says that a process can be
 * trusted.
 *
 * In a word, * stands for any characters and ? for one. The time for a comparison is at most
 * proportional to the product of the lengths.
 */
#ifndef SELECTOR_H
#define SELECTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/program.h"

/* X(name, of the option too; what it selects by, as a message says it) */
#define SELECTORS(X)                                                                               \
	X(name, "name")                                                                            \
	X(unit, "unit")                                                                            \
	X(cgroup, "cgroup")                                                                        \
	X(container, "container")

enum selector_kind {
#define SELECTOR_KIND(name, words) SELECT_##name,
	SELECTORS(SELECTOR_KIND) SELECTOR_KINDS
#undef SELECTOR_KIND
};

/* The name of the option. */
extern const char *const selector_names[SELECTOR_KINDS];

#define CONTAINER_ID 64 /* hexadecimal digits */
/* The beginning of an ID must have this many, so that it is not taken for a name. */
#define CONTAINER_ID_LEAST 4

struct selector {
	enum selector_kind kind;
	const char *word; /* as it was given */
	size_t matched;   /* how many processes; counted by the caller */
	/* A container's ID that begins with the word: the first one that was seen, and another one, from
	 * which it does not tell it apart. From then on, only the first one matches. */
	char id[CONTAINER_ID + 1], other[CONTAINER_ID + 1];
};

/*
 * A name: the kernel's (comm), or what people call the process (program.h), as a whole; without "-m " or
 * ".py"; or the first word of a title, "gunicorn" of "gunicorn: worker [app]".
 */
bool selector__matches_name(const struct selector *s, const char *comm,
			    const char command[PROGRAM_NAME]);
/*
 * The others: `cgroups` is what /proc/PID/cgroup says, of cgroup v1, v2 or both.
 *  - A unit is a component of the path, "app.service", or "app" for short.
 *  - A cgroup is a path, with or without /sys/fs/cgroup, and all that is below it. In cgroup v1 a
 *    controller may stand before it.
 *  - A container is the ID or its beginning (docker, podman, containerd, cri-o), or the name (lxc,
 *    systemd-nspawn), that components of the path carry.
 */
bool selector__matches_cgroup(struct selector *s, const char *cgroups);
/* True if the word may be a container's ID, or its beginning. */
bool selector__is_id(const char *word);

/* Calls offer with what would select the process: its unit, or its containers. */
void selector__each_unit(const char *cgroups, void (*offer)(void *ctx, const char *word),
			 void *ctx);
void selector__each_container(const char *cgroups, void (*offer)(void *ctx, const char *word),
			      void *ctx);

#endif
