// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Any bytes as what is read from the memory of a process, one read after the other; so two reads of
 * one place may differ, as they may in a process that means harm. The process has mapped this fuzzer's
 * own program, which exports what a CPython does. What is accepted must be usable.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edge/proc/proc_maps.h"
#include "edge/python/python.h"

#define GILS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((visibility("default"))) unsigned char _PyRuntime[4096];
__attribute__((visibility("default"))) unsigned long Py_Version;

static struct {
	const uint8_t *data;
	size_t size;
	int program;
	char exe[PATH_MAX];
	struct proc_maps maps;
} its;

/* The linker puts these in place of the functions whose names follow __wrap_. */
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
bool __wrap_proc__comm(pid_t pid, char comm[16]);
void __wrap_proc__exe(pid_t pid, char path[PATH_MAX]);
bool __wrap_proc__has_argument(pid_t pid, const char *word);
bool __wrap_proc_image__is_over(int image);
int __wrap_proc_image__open(pid_t pid);
int __wrap_proc_map__open(pid_t pid, const struct proc_map *map);
int __wrap_proc_maps__read(pid_t pid, struct proc_maps *maps);
int __wrap_proc_mem__read(pid_t pid, uint64_t address, void *to, size_t size);
int __real_proc_maps__read(pid_t pid, struct proc_maps *maps);
void __real_proc__exe(pid_t pid, char path[PATH_MAX]);

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)time;
	(void)left;
	return 0;
}

bool __wrap_proc__comm(pid_t pid, char comm[16])
{
	(void)pid;
	strcpy(comm, "x");
	return true;
}

void __wrap_proc__exe(pid_t pid, char path[PATH_MAX])
{
	(void)pid;
	strcpy(path, its.exe);
}

bool __wrap_proc__has_argument(pid_t pid, const char *word)
{
	(void)pid;
	(void)word;
	return false;
}

bool __wrap_proc_image__is_over(int image)
{
	(void)image;
	return false;
}

int __wrap_proc_image__open(pid_t pid)
{
	(void)pid;
	return dup(its.program);
}

int __wrap_proc_map__open(pid_t pid, const struct proc_map *map)
{
	(void)pid;
	(void)map;
	return dup(its.program);
}

int __wrap_proc_maps__read(pid_t pid, struct proc_maps *maps)
{
	(void)pid;
	maps->size = its.maps.size;
	maps->text = malloc(maps->size);
	memcpy(maps->text, its.maps.text, maps->size);
	return 0;
}

/* Memory that is not there ends no series of reads: the next one may succeed. */
int __wrap_proc_mem__read(pid_t pid, uint64_t address, void *to, size_t size)
{
	(void)pid;
	if (address < 4096 || address > INT64_MAX - size || size > its.size)
		return -EFAULT;
	memcpy(to, its.data, size);
	its.data += size;
	its.size -= size;
	return 0;
}

static void read_again(const struct python *py)
{
	struct python_own_gil own[GILS];
	int n = python__own_gils(1, py, own, GILS), locked = python__locked(1, py);

	if (n > GILS || locked < -1 || locked > 1)
		abort();
	for (int i = 0; i < n; i++)
		if (own[i].interpreter <= 0 || python__switch_interval(1, py, own[i].address) < -1)
			abort();
	python__switches(1, py);
	python__is_free_threaded(1, py);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct failure f = {0};
	struct python py;
	int err;

	if (!its.maps.text) {
		its.program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
		__real_proc__exe(0, its.exe);
		if (its.program < 0 || __real_proc_maps__read(0, &its.maps))
			abort();
	}
	its.data = data;
	its.size = size;
	err = python__inspect(1, &py, &f);
	if (err ? !f.what[0] : !py.gil || py.switch_interval_us <= 0 || py.locked >> 1)
		abort();
	if (strnlen(py.version, sizeof(py.version)) == sizeof(py.version))
		abort();
	if (!err)
		read_again(&py);
	return 0;
}
