// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge/observe/launch.h"
#include "edge/proc/open_files.h"

struct identity {
	bool change;
	uid_t uid;
	gid_t gid;
	char name[64];
};

static int by_name(const char *user, struct identity *id, struct failure *f)
{
	struct passwd *pw = getpwnam(user);

	if (!pw) {
		failure__what(f, "no such user: '%s'", user);
		failure__command(f, "getent passwd");
		return -ENOENT;
	}
	id->change = true;
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	snprintf(id->name, sizeof(id->name), "%s", pw->pw_name);
	return 0;
}

/* Determines the user to run the command as. Probes need root, but the command usually does not;
 * sudo says who called it. */
static int find_identity(const char *user, struct identity *id, struct failure *f)
{
	const char *sudo_user = getenv("SUDO_USER");

	id->change = false;
	if (!user && (geteuid() != 0 || !sudo_user || !*sudo_user))
		return 0;
	return by_name(user ? user : sudo_user, id, f);
}

static void become(const struct identity *id)
{
	if (!id->change)
		return;
	if (initgroups(id->name, id->gid) || setgid(id->gid) || setuid(id->uid)) {
		failure__say("gilscope: cannot become user %s: %s", id->name, strerror(errno));
		_exit(EXIT_STATUS_CANNOT_OBSERVE);
	}
}

int launch__fork(struct launch *l, const char *user, struct failure *f)
{
	struct identity id;
	int go[2], err[2];
	int ret = find_identity(user, &id, f);

	l->pid = -1;
	l->go_fd = l->err_fd = -1;
	if (ret)
		return ret;
	if (pipe2(go, O_CLOEXEC))
		goto failed;
	if (pipe2(err, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		goto failed;
	}
	l->pid = fork();
	if (l->pid == 0) {
		close(go[1]);
		close(err[0]);
		l->go_fd = go[0];
		l->err_fd = err[1];
		become(&id);
		return 0;
	}
	close(go[0]);
	close(err[1]);
	l->go_fd = go[1];
	l->err_fd = err[0];
	if (l->pid > 0)
		return 0;
	launch__cancel(l);
failed:
	ret = -errno;
	failure__what(f, "cannot start a process: %s", strerror(errno));
	return ret;
}

void launch__child(struct launch *l, char **argv)
{
	sigset_t none;
	char go = 0;
	int err;

	/* The parent has blocked the signals that it reads from a descriptor; the command must not
	 * inherit that. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* End of file means that the parent gave up. */
	if (read(l->go_fd, &go, 1) != 1)
		_exit(EXIT_STATUS_CANNOT_OBSERVE);
	open_files__restore();
	execvp(argv[0], argv);
	err = errno;
	if (write(l->err_fd, &err, sizeof(err)) != sizeof(err))
		failure__say("gilscope: cannot run %s: %s", argv[0], strerror(err));
	_exit(launch__exec_status(err));
}

int launch__go(struct launch *l, char **argv, struct failure *f)
{
	int err = 0;
	ssize_t n;

	n = write(l->go_fd, "g", 1);
	close(l->go_fd);
	l->go_fd = -1;
	if (n == 1) {
		do
			n = read(l->err_fd, &err, sizeof(err));
		while (n < 0 && errno == EINTR);
	}
	close(l->err_fd);
	l->err_fd = -1;
	if (n != sizeof(err))
		return 0;
	waitpid(l->pid, NULL, 0);
	failure__what(f, "cannot run %s: %s", argv[0], strerror(err));
	if (err == ENOENT && !strchr(argv[0], '/'))
		failure__command(f, "command -v %s", argv[0]);
	else
		failure__command(f, "ls -l %s", argv[0]);
	return -err;
}

void launch__cancel(struct launch *l)
{
	if (l->go_fd >= 0)
		close(l->go_fd);
	if (l->err_fd >= 0)
		close(l->err_fd);
	l->go_fd = l->err_fd = -1;
	if (l->pid > 0)
		waitpid(l->pid, NULL, 0);
	l->pid = -1;
}

int launch__exec_status(int err)
{
	return err == ENOENT || err == ENOTDIR ? EXIT_STATUS_NOT_FOUND : EXIT_STATUS_NOT_EXECUTABLE;
}

int launch__exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
