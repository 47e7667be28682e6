// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "core/base/capability.h"
#include "test.h"

#define BIT(name) CAPABILITY(CAP_##name)

TEST(capability_missing)
{
	const capabilities all = CAPABILITIES_PROBES | CAPABILITIES_OTHERS;

	CHECK_EQ(capability__missing(0, all), all);
	CHECK_EQ(capability__missing(all, all), 0);
	CHECK_EQ(capability__missing(BIT(BPF), all), BIT(PERFMON) | BIT(SYS_PTRACE));
	/* CAP_SYS_ADMIN includes some capabilities, but not others. */
	CHECK_EQ(capability__missing(BIT(SYS_ADMIN), all), BIT(SYS_PTRACE));
	CHECK_EQ(capability__missing(BIT(SYS_ADMIN), CAPABILITIES_MAPPED), BIT(DAC_READ_SEARCH));
	CHECK_EQ(capability__missing(CAPABILITIES_PROBES, BIT(SYS_ADMIN)), BIT(SYS_ADMIN));
}

TEST(capability_least)
{
	const capabilities everything = ~0ULL;

	CHECK_EQ(capability__least(everything, CAPABILITIES_PROBES), CAPABILITIES_PROBES);
	CHECK_EQ(capability__least(everything, 0), 0);
	CHECK_EQ(capability__least(0, CAPABILITIES_PROBES), 0);
	CHECK_EQ(capability__least(BIT(BPF) | BIT(NET_RAW), CAPABILITIES_PROBES), BIT(BPF));
	/* CAP_SYS_ADMIN replaces a missing one, and is dropped if that one is there. */
	CHECK_EQ(capability__least(BIT(SYS_ADMIN) | BIT(BPF), CAPABILITIES_PROBES),
		 BIT(SYS_ADMIN) | BIT(BPF));
	CHECK_EQ(capability__least(BIT(SYS_ADMIN) | CAPABILITIES_PROBES, CAPABILITIES_PROBES),
		 CAPABILITIES_PROBES);
	CHECK_EQ(capability__least(BIT(SYS_ADMIN), CAPABILITIES_OTHERS), 0);
}

TEST(capability_names)
{
	CHECK_STR(capability__names(0).s, "");
	CHECK_STR(capability__names(CAPABILITIES_PROBES | BIT(SYS_ADMIN)).s,
		  "CAP_BPF, CAP_PERFMON, CAP_SYS_ADMIN");
	CHECK_STR(capability__for_setcap(CAPABILITIES_OTHERS | BIT(BPF)).s,
		  "cap_bpf,cap_sys_ptrace=ep");
	CHECK(strlen(capability__for_setcap(~0ULL).s) < sizeof(struct capability_names) - 1);
}

TEST(capability_explain)
{
	struct failure f = {0};

	CHECK(!capability__explain(CAPABILITIES_OTHERS, false, CAPABILITIES_OTHERS, &f));
	CHECK(!f.cause[0] && !f.command[0]);
	CHECK(capability__explain(0, false, CAPABILITIES_OTHERS, &f));
	CHECK_STR(f.cause, "missing: CAP_SYS_PTRACE");
	CHECK_STR(f.command, "sudo gilscope ...");
	CHECK(capability__explain(BIT(BPF), true, CAPABILITIES_PROBES, &f));
	CHECK(strstr(f.cause,
		     "although this is root; a container must be granted them: CAP_PERFMON"),
	      "%s", f.cause);
	CHECK(strstr(f.command, "--privileged"), "%s", f.command);
}

TEST_MAIN
