// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edge/proc/proc_task.h"

#define EXITING      0x4U /* PF_EXITING, which the kernel sets first of all */
#define MOST_THREADS 4096 /* of a process in another pid namespace are looked through */

static bool read_file(pid_t pid, long tid, const char *name, char *text, size_t size)
{
	char path[64];
	FILE *file;
	size_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%ld/%s", pid, tid, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	n = fread(text, 1, size - 1, file);
	fclose(file);
	text[n] = '\0';
	return n;
}

bool proc_task__read(pid_t pid, pid_t tid, struct proc_task *t)
{
	char text[4096];
	const char *at;
	unsigned int flags;
	long long voluntary, other;

	if (!read_file(pid, tid, "stat", text, sizeof(text)))
		return false;
	/* The name, which may contain anything, ends at the last parenthesis. */
	at = strrchr(text, ')');
	if (!at || sscanf(at + 1, " %c %*d %*d %*d %*d %*d %u", &t->state, &flags) != 2)
		return false;
	t->exits = flags & EXITING;
	if (!read_file(pid, tid, "status", text, sizeof(text)))
		return false;
	at = strstr(text, "\nvoluntary_ctxt_switches:");
	if (!at || sscanf(at, "\nvoluntary_ctxt_switches: %lld nonvoluntary_ctxt_switches: %lld",
			  &voluntary, &other) != 2)
		return false;
	t->switches = voluntary + other;
	return true;
}

int proc_task__syscall(pid_t pid, pid_t tid)
{
	char text[256];
	int number;

	/* The first word is "running" if it is not asleep. */
	if (!read_file(pid, tid, "syscall", text, sizeof(text)) || sscanf(text, "%d", &number) != 1)
		return -1;
	return number < 0 ? -1 : number;
}

/* It is the last one in its list. */
long proc_task__own_number(pid_t pid, long tid)
{
	char text[4096], *list, *end;
	long last = -1;

	if (!read_file(pid, tid, "status", text, sizeof(text)))
		return -1;
	list = strstr(text, "\nNSpid:");
	if (!list)
		return tid;
	for (list += strlen("\nNSpid:");; list = end) {
		long n = strtol(list, &end, 10);

		if (end == list || memchr(list, '\n', (size_t)(end - list)))
			return last;
		last = n;
	}
}

unsigned long long proc_task__futex(pid_t pid, pid_t tid)
{
	unsigned long long address;
	char text[256];
	int number;

	if (!read_file(pid, tid, "syscall", text, sizeof(text)) ||
	    sscanf(text, "%d %llx", &number, &address) != 2 || number != SYS_futex)
		return 0;
	return address;
}

void proc_task__each(pid_t pid, int most, bool (*each)(void *ctx, pid_t tid), void *ctx)
{
	const struct dirent *entry;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return;
	for (int i = 0; i < most && (entry = readdir(dir)); i++)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    !each(ctx, (pid_t)atol(entry->d_name)))
			break;
	closedir(dir);
}

long proc_task__host_number(pid_t pid, long tid)
{
	const struct dirent *entry;
	char path[64];
	long found = -1;
	DIR *dir;

	if (proc_task__own_number(pid, tid) == tid)
		return tid;
	if (proc_task__own_number(pid, pid) == pid)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return -1;
	for (int i = 0; i < MOST_THREADS && found < 0 && (entry = readdir(dir)); i++)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    proc_task__own_number(pid, atol(entry->d_name)) == tid)
			found = atol(entry->d_name);
	closedir(dir);
	return found;
}
