// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A server that is no CPython, but whose workers become one after their fork, as those of Apache,
 * PostgreSQL and uwsgi do. SIGUSR1 starts a worker; SIGUSR2 starts one that waits, with --wait.
 * SERVER_BEGIN=worker starts such a one at once, and SERVER_BEGIN=preload only loads the library.
 * Otherwise it prints READY itself. It takes a script and its arguments.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int (*run)(int, char **);

static void load(void)
{
	const char *path = getenv("EMBED_LIBPYTHON");
	void *lib = dlopen(path ? path : "libpython3.11.so.1.0", RTLD_NOW | RTLD_GLOBAL);

	run = lib ? (int (*)(int, char **))dlsym(lib, "Py_BytesMain") : NULL;
	if (run)
		return;
	fprintf(stderr, "server: %s\n", dlerror());
	exit(1);
}

static void work(int argc, char **argv, int waits)
{
	char *args[argc + 2];
	sigset_t none;
	int n = 0;

	if (fork())
		return;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGCHLD, SIG_DFL);
	for (int i = 0; i < argc; i++)
		if (strcmp(argv[i], "--wait") != 0)
			args[n++] = argv[i];
	if (waits)
		args[n++] = "--wait";
	args[n] = NULL;
	if (!run)
		load();
	exit(run(n, args));
}

int main(int argc, char **argv)
{
	const char *begin = getenv("SERVER_BEGIN");
	sigset_t set;
	int which;

	setvbuf(stdout, NULL, _IONBF, 0);
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (begin && !strcmp(begin, "preload"))
		load();
	if (begin && !strcmp(begin, "worker"))
		work(argc, argv, 1);
	else
		puts("READY");
	while (!sigwait(&set, &which))
		work(argc, argv, which == SIGUSR2);
	return 1;
}
