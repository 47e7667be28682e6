// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edge/proc/proc_list.h"

void proc_list__each(void (*visit)(void *ctx, pid_t pid), void *ctx)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;

		if (pid > 0 && pid != getpid())
			visit(ctx, pid);
	}
	closedir(dir);
}

long proc_list__status(pid_t pid, const char *field)
{
	char path[64], line[256];
	size_t length = strlen(field);
	long value = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, field, length) && line[length] == ':')
			value = strtol(line + length + 1, NULL, 10);
	fclose(file);
	return value;
}

int proc_list__shares_namespace(pid_t pid, const char *kind)
{
	char path[64], its[64] = "", own[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, kind);
	if (readlink(path, its, sizeof(its) - 1) <= 0)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	return readlink(path, own, sizeof(own) - 1) > 0 ? !strcmp(its, own) : -1;
}

bool proc_list__borrows_memory(pid_t pid)
{
	long parent = proc_list__status(pid, "PPid");

	return parent > 0 && !syscall(SYS_kcmp, parent, pid, KCMP_VM, 0, 0);
}

bool proc_list__is_over(pid_t pid, unsigned long long *start)
{
	char path[64], text[1024];
	unsigned long long ticks;
	const char *after;
	int threads;
	char state;
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT;
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	/* The name, which may contain anything, ends at the last parenthesis. */
	after = strrchr(text, ')');
	if (!after || sscanf(after + 1,
			     " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			     "%d %*d %llu",
			     &state, &threads, &ticks) != 3)
		return !n;
	if (*start && *start != ticks)
		return true;
	*start = ticks;
	return (state == 'Z' || state == 'X') && threads <= 1;
}
