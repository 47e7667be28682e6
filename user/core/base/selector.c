// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <string.h>

#include "core/base/selector.h"

#define SELECTOR_NAME(name, words) #name,
const char *const selector_names[SELECTOR_KINDS] = {SELECTORS(SELECTOR_NAME)};

/* A part of a string. */
struct part {
	const char *s;
	size_t length;
};

static bool starts(struct part p, const char *with)
{
	return p.length >= strlen(with) && !memcmp(p.s, with, strlen(with));
}

static bool ends(struct part p, const char *with)
{
	size_t n = strlen(with);

	return p.length >= n && !memcmp(p.s + p.length - n, with, n);
}

static struct part behind(struct part p, size_t n)
{
	return (struct part){p.s + n, p.length - n};
}

static bool is(struct part p, const char *word)
{
	return p.length == strlen(word) && !memcmp(p.s, word, p.length);
}

/* Compares with a word in which * and ? have their meaning. Only the last * is ever tried again. */
static bool matches(const char *word, struct part p)
{
	const char *star = NULL;
	size_t at = 0, star_at = 0;

	while (at < p.length) {
		if (*word == '*') {
			star = word++;
			star_at = at;
		} else if (*word && (*word == '?' || *word == p.s[at])) {
			word++;
			at++;
		} else if (star) {
			word = star + 1;
			at = ++star_at;
		} else {
			return false;
		}
	}
	return !word[strspn(word, "*")];
}

/* ---- names ---- */

bool selector__matches_name(const struct selector *s, const char *comm,
			    const char command[PROGRAM_NAME])
{
	struct part p = {command, strlen(command)};

	if (matches(s->word, (struct part){comm, strlen(comm)}))
		return true;
	if (!p.length)
		return false;
	if (matches(s->word, p))
		return true;
	if (starts(p, "-m "))
		return matches(s->word, behind(p, 3));
	if (command[0] == '-')
		return false;
	if (ends(p, ".py"))
		return matches(s->word, (struct part){p.s, p.length - 3});
	p.length = strcspn(command, " :");
	return p.length && matches(s->word, p);
}

/* ---- components of a cgroup's path ---- */

/* Takes the next component of a path that ends with its line. */
static bool next_component(const char **at, struct part *c)
{
	*at += strspn(*at, "/");
	*c = (struct part){*at, strcspn(*at, "/\n")};
	*at += c->length;
	return c->length != 0;
}

/* Takes the next line, "4:memory:/path". */
static bool next_line(const char **at, struct part *controllers, const char **path)
{
	while (**at) {
		const char *first = *at + strcspn(*at, ":\n"), *second;

		*at = first + strcspn(first, "\n");
		*at += **at == '\n';
		if (*first != ':')
			continue;
		first++;
		second = first + strcspn(first, ":\n");
		if (*second != ':')
			continue;
		*controllers = (struct part){first, (size_t)(second - first)};
		*path = second + 1;
		return true;
	}
	return false;
}

/* Calls `visit` with each component of each path until it returns true. `folder` is the one before. */
static bool each_component(const char *cgroups,
			   bool (*visit)(void *ctx, struct part c, struct part folder), void *ctx)
{
	struct part controllers, c;
	const char *path;

	while (next_line(&cgroups, &controllers, &path)) {
		struct part folder = {"", 0};

		for (; next_component(&path, &c); folder = c)
			if (visit(ctx, c, folder))
				return true;
	}
	return false;
}

/* ---- units ---- */

static bool is_unit(struct part c)
{
	return ends(c, ".service") || ends(c, ".scope") || ends(c, ".slice");
}

static bool unit_matches(void *ctx, struct part c, struct part folder)
{
	const struct selector *s = ctx;

	(void)folder;
	if (is_unit(c) && matches(s->word, c))
		return true;
	return ends(c, ".service") &&
	       matches(s->word, (struct part){c.s, c.length - strlen(".service")});
}

/* ---- containers ---- */

static bool is_id(const char *s, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!isdigit((unsigned char)s[i]) && (s[i] < 'a' || s[i] > 'f'))
			return false;
	return true;
}

/* The ID at the end of a component: "docker-ID.scope", "libpod-ID", "ID". */
static bool find_id(struct part c, struct part *id)
{
	size_t before;

	if (ends(c, ".scope"))
		c.length -= strlen(".scope");
	if (c.length < CONTAINER_ID)
		return false;
	before = c.length - CONTAINER_ID;
	*id = behind(c, before);
	/* conmon, which watches a container, is outside of it. */
	if (before && (!strchr("-:", c.s[before - 1]) || memmem(c.s, before, "conmon", 6)))
		return false;
	return is_id(id->s, CONTAINER_ID);
}

/* The name that lxc or systemd-nspawn have put into a component, without systemd's escapes. */
static bool find_name(struct part c, struct part folder, char *name, size_t size)
{
	size_t n = 0;

	if (starts(c, "lxc.payload."))
		c = behind(c, strlen("lxc.payload."));
	else if (starts(c, "systemd-nspawn@") && ends(c, ".service"))
		c = (struct part){c.s + strlen("systemd-nspawn@"),
				  c.length - strlen("systemd-nspawn@.service")};
	else if (is(folder, "machine.slice") && starts(c, "machine-") && ends(c, ".scope"))
		c = (struct part){c.s + strlen("machine-"), c.length - strlen("machine-.scope")};
	else if (!is(folder, "lxc") && !is(folder, "lxc.payload"))
		return false;
	for (size_t i = 0; i < c.length && n + 1 < size; i++) {
		if (i + 3 < c.length && c.s[i] == '\\' && c.s[i + 1] == 'x' &&
		    isxdigit((unsigned char)c.s[i + 2]) && isxdigit((unsigned char)c.s[i + 3])) {
			char digits[] = {c.s[i + 2], c.s[i + 3], '\0'};
			unsigned int byte = 0;

			for (const char *d = digits; *d; d++)
				byte = 16 * byte + (unsigned int)(isdigit((unsigned char)*d)
									  ? *d - '0'
									  : (*d | 0x20) - 'a' + 10);
			name[n++] = (char)byte;
			i += 3;
		} else {
			name[n++] = c.s[i];
		}
	}
	name[n] = '\0';
	return n != 0;
}

bool selector__is_id(const char *word)
{
	size_t length = strlen(word);

	return length >= CONTAINER_ID_LEAST && length <= CONTAINER_ID && is_id(word, length);
}

/* The first ID that begins with the word is the one that is meant. */
static bool id_matches(struct selector *s, struct part id)
{
	if (!selector__is_id(s->word) || memcmp(id.s, s->word, strlen(s->word)) != 0)
		return false;
	if (!s->id[0])
		memcpy(s->id, id.s, CONTAINER_ID);
	if (!memcmp(s->id, id.s, CONTAINER_ID))
		return true;
	memcpy(s->other, id.s, CONTAINER_ID);
	return false;
}

static bool container_matches(void *ctx, struct part c, struct part folder)
{
	struct selector *s = ctx;
	char name[256];
	struct part id;

	if (find_id(c, &id))
		return id_matches(s, id);
	return find_name(c, folder, name, sizeof(name)) &&
	       matches(s->word, (struct part){name, strlen(name)});
}

/* ---- cgroups ---- */

/* True if the components of `path` begin with all those of `word`, which has only these. */
static bool is_below(const char *path, const char *word)
{
	struct part c, wanted;

	while (next_component(&word, &wanted)) {
		if (is(wanted, "."))
			continue;
		if (!next_component(&path, &c) || c.length != wanted.length ||
		    memcmp(c.s, wanted.s, c.length) != 0)
			return false;
	}
	return true;
}

/* The mount point of a hierarchy of cgroup v1: "memory", "cpu,cpuacct", "systemd", "unified". */
static bool is_mount(struct part c, struct part controllers)
{
	if (starts(controllers, "name="))
		controllers = behind(controllers, strlen("name="));
	if (!controllers.length)
		return is(c, "unified");
	return c.length == controllers.length && !memcmp(c.s, controllers.s, c.length);
}

static bool cgroup_matches(const char *word, const char *cgroups)
{
	static const char mount[] = "/sys/fs/cgroup";
	struct part controllers, first;
	const char *path, *rest;

	if (!strncmp(word, mount, strlen(mount)) && strchr("/", word[strlen(mount)]))
		word += strlen(mount);
	rest = word;
	if (!next_component(&rest, &first))
		first = (struct part){"", 0};
	while (next_line(&cgroups, &controllers, &path)) {
		if (is_below(path, word) || (is_mount(first, controllers) && is_below(path, rest)))
			return true;
	}
	return false;
}

bool selector__matches_cgroup(struct selector *s, const char *cgroups)
{
	switch (s->kind) {
	case SELECT_unit:
		return each_component(cgroups, unit_matches, s);
	case SELECT_container:
		return each_component(cgroups, container_matches, s);
	case SELECT_cgroup:
		return cgroup_matches(s->word, cgroups);
	default:
		return false;
	}
}

/* ---- what could be selected ---- */

struct offer {
	void (*offer)(void *ctx, const char *word);
	void *ctx;
};

static void offer_part(const struct offer *o, struct part p)
{
	char word[256];

	if (p.length >= sizeof(word))
		return;
	memcpy(word, p.s, p.length);
	word[p.length] = '\0';
	o->offer(o->ctx, word);
}

static bool offer_unit(void *ctx, struct part c, struct part folder)
{
	(void)folder;
	if (is_unit(c) && !ends(c, ".slice"))
		offer_part(ctx, c);
	return false;
}

static bool offer_container(void *ctx, struct part c, struct part folder)
{
	const struct offer *o = ctx;
	char name[256];
	struct part id;

	if (find_id(c, &id))
		offer_part(o, (struct part){id.s, 12}); /* as docker ps shows it */
	else if (find_name(c, folder, name, sizeof(name)))
		o->offer(o->ctx, name);
	return false;
}

void selector__each_unit(const char *cgroups, void (*offer)(void *ctx, const char *word), void *ctx)
{
	struct offer o = {offer, ctx};

	each_component(cgroups, offer_unit, &o);
}

void selector__each_container(const char *cgroups, void (*offer)(void *ctx, const char *word),
			      void *ctx)
{
	struct offer o = {offer, ctx};

	each_component(cgroups, offer_container, &o);
}
