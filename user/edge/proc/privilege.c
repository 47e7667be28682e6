// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edge/proc/privilege.h"

/* Lower and upper half, as in the system call. */
struct state {
	struct __user_cap_data_struct half[2];
};

static int get(struct state *s)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	memset(s, 0, sizeof(*s));
	return syscall(SYS_capget, &header, s->half) ? -errno : 0;
}

static int set(const struct state *s)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return syscall(SYS_capset, &header, s->half) ? -errno : 0;
}

capabilities privilege__have(void)
{
	struct state s;

	if (get(&s))
		return 0;
	return s.half[0].effective | (capabilities)s.half[1].effective << 32;
}

capabilities privilege__of_own_processes(void)
{
	capabilities ambient = 0;

	if (!geteuid())
		return ~0ULL;
	for (int i = 0; i < 64; i++)
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1)
			ambient |= CAPABILITY(i);
	return ambient;
}

bool privilege__explain(capabilities needed, struct failure *f)
{
	return capability__explain(privilege__have(), !geteuid(), needed, f);
}

/* Narrows the bounding set, which limits what an executed program can have. This has no effect
 * without CAP_SETPCAP. */
static void narrow_bounds(capabilities keep)
{
	for (int i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		if (!(keep & CAPABILITY(i)))
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

void privilege__keep(capabilities keep)
{
	static bool told;
	struct state s;
	int err = get(&s);

	if (!err)
		narrow_bounds(keep);
	for (int i = 0; i < 2; i++) {
		__u32 half = (__u32)(keep >> 32 * i);

		/* Dropping an inheritable capability drops the ambient one too. */
		s.half[i].effective &= half;
		s.half[i].permitted &= half;
		s.half[i].inheritable &= half;
	}
	err = err ?: set(&s);
	if (err && !__atomic_exchange_n(&told, true, __ATOMIC_RELAXED))
		fprintf(stderr, "gilscope: cannot give up capabilities, so they are kept: %s\n",
			strerror(-err));
}

int privilege__ptrace_scope(void)
{
	FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (file && fscanf(file, "%d", &scope) != 1)
		scope = 0;
	if (file)
		fclose(file);
	return scope;
}

int privilege__clear_ambient(void)
{
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) ? -errno : 0;
}
