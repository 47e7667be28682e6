// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>
#include <unistd.h>

#include "edge/sites/probe_site.h"

void probe_site__keep_code(struct probe_site *site, struct elf_file *e)
{
	size_t n = sizeof(site->code);
	const void *code;

	if (site->offset < e->size && n > e->size - site->offset)
		n = e->size - site->offset;
	code = elf_file__bytes(e, site->offset, n);
	site->nr_code = code ? (unsigned int)n : 0;
	if (code)
		memcpy(site->code, code, n);
}

bool probe_site__has_code(const struct probe_site *site, int fd)
{
	unsigned char code[PROBE_SITE_CODE];

	return site->nr_code &&
	       pread(fd, code, site->nr_code, (off_t)site->offset) == (ssize_t)site->nr_code &&
	       !memcmp(code, site->code, site->nr_code);
}
