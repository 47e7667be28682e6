// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <nss.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge/observe/launch.h"
#include "edge/proc/open_files.h"
#include "edge/proc/privilege.h"

/* ---- what the command inherits ---- */

static struct {
	sigset_t mask;
	bool ignores_children;
	bool known;
} inherited;

void launch__begin(void)
{
	inherited.ignores_children = signal(SIGCHLD, SIG_DFL) == SIG_IGN;
	inherited.known = !sigprocmask(SIG_SETMASK, NULL, &inherited.mask);
}

/* gilscope blocks the signals that it reads from a descriptor; the command must not get that. */
static void restore_signals(void)
{
	if (!inherited.known)
		sigemptyset(&inherited.mask);
	if (inherited.ignores_children)
		signal(SIGCHLD, SIG_IGN);
	sigprocmask(SIG_SETMASK, &inherited.mask, NULL);
}

/* ---- the user ---- */

struct identity {
	bool change;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int nr_groups;
	char *name, *home, *shell;
};

static void clear_identity(struct identity *id)
{
	free(id->groups);
	free(id->name);
	free(id->home);
	free(id->shell);
}

/* Asked now, because the answer may come from a network and from other processes. */
static int find_groups(struct identity *id)
{
	int n = 64;

	for (;;) {
		gid_t *grown = reallocarray(id->groups, (size_t)n, sizeof(*grown));
		int room = n;

		if (!grown)
			return -ENOMEM;
		id->groups = grown;
		if (getgrouplist(id->name, id->gid, grown, &n) >= 0)
			break;
		n = n > room ? n : 2 * room;
		if (n > 65536)
			return -E2BIG;
	}
	id->nr_groups = n;
	return 0;
}

/*
 * In a static program, the C library would load other sources of users, such as LDAP, as shared
 * libraries of the very same version, and this machine's may be another one. It reads /etc/passwd
 * and /etc/group by itself.
 */
static void use_files_only(void)
{
#ifdef GILSCOPE_STATIC
	__nss_configure_lookup("passwd", "files");
	__nss_configure_lookup("group", "files");
	__nss_configure_lookup("initgroups", "files");
#endif
}

static int by_name(const char *user, struct identity *id, struct failure *f)
{
	struct passwd *pw;
	int err;

	use_files_only();
	pw = getpwnam(user);
	if (!pw) {
		failure__what(f, "no such user: '%s'", user);
		failure__command(f, "getent passwd");
		return -ENOENT;
	}
	id->uid = pw->pw_uid;
	id->gid = pw->pw_gid;
	id->name = strdup(pw->pw_name);
	id->home = strdup(pw->pw_dir);
	id->shell = strdup(pw->pw_shell && *pw->pw_shell ? pw->pw_shell : "/bin/sh");
	err = id->name && id->home && id->shell ? find_groups(id) : -ENOMEM;
	/* Another user than root could not even change to itself. */
	id->change = !geteuid() || geteuid() != id->uid;
	if (err)
		failure__what(f, "cannot find the groups of user %s: %s", user, strerror(-err));
	return err;
}

/* Determines the user to run the command as. Probes need root, but the command usually does not;
 * sudo says who called it. */
static int find_identity(const char *user, struct identity *id, struct failure *f)
{
	const char *sudo_user = getenv("SUDO_USER");

	*id = (struct identity){0};
	if (!user && (geteuid() != 0 || !sudo_user || !*sudo_user))
		return 0;
	return by_name(user ? user : sudo_user, id, f);
}

/* What sudo -u and runuser set: a program would otherwise write into root's home. */
static int set_environment(const struct identity *id)
{
	char mail[300];

	snprintf(mail, sizeof(mail), "/var/mail/%s", id->name);
	return setenv("HOME", id->home, 1) || setenv("SHELL", id->shell, 1) ||
			       setenv("USER", id->name, 1) || setenv("LOGNAME", id->name, 1) ||
			       (getenv("MAIL") && setenv("MAIL", mail, 1))
		       ? -errno
		       : 0;
}

/* Runs in the child. Returns 0 or -errno. */
static int become(const struct identity *id)
{
	int err = privilege__clear_ambient();

	if (err || !id->change)
		return err;
	if (setgroups((size_t)id->nr_groups, id->groups) || setgid(id->gid) || setuid(id->uid))
		return -errno;
	return set_environment(id);
}

/* ---- launching ---- */

/* What the child could not do; it says so through the pipe. */
struct complaint {
	enum { CANNOT_BECOME, CANNOT_EXECUTE } what;
	int err; /* an errno */
};

static void __attribute__((noreturn))
complain(const struct launch *l, struct complaint c, int status)
{
	if (write(l->err_fd, &c, sizeof(c)) != sizeof(c))
		failure__say("gilscope: cannot run the command: %s", strerror(c.err));
	_exit(status);
}

/* In the child, returns only if it has become that user. */
static void begin_child(struct launch *l, const int go[2], const int complaints[2],
			const struct identity *id)
{
	int err;

	close(go[1]);
	close(complaints[0]);
	l->go_fd = go[0];
	l->err_fd = complaints[1];
	err = become(id);
	if (err)
		complain(l, (struct complaint){CANNOT_BECOME, -err}, EXIT_STATUS_CANNOT_OBSERVE);
}

int launch__fork(struct launch *l, const char *user, struct failure *f)
{
	struct identity id;
	int go[2], complaints[2];
	int ret = find_identity(user, &id, f);

	l->pid = -1;
	l->go_fd = l->err_fd = -1;
	snprintf(l->user, sizeof(l->user), "%s", id.change ? id.name : "");
	if (ret)
		goto out;
	if (pipe2(go, O_CLOEXEC))
		goto failed;
	if (pipe2(complaints, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		goto failed;
	}
	l->pid = fork();
	if (l->pid == 0) {
		begin_child(l, go, complaints, &id);
		goto out;
	}
	ret = l->pid < 0 ? -errno : 0;
	close(go[0]);
	close(complaints[1]);
	l->go_fd = go[1];
	l->err_fd = complaints[0];
	if (!ret)
		goto out;
	launch__cancel(l);
	errno = -ret;
failed:
	ret = -errno;
	failure__what(f, "cannot start a process: %s", strerror(-ret));
out:
	clear_identity(&id);
	return ret;
}

/* The exit status that a shell gives for an errno of exec: 127 if the command does not exist, else
 * 126. */
static int exec_status(int err)
{
	return err == ENOENT || err == ENOTDIR ? EXIT_STATUS_NOT_FOUND : EXIT_STATUS_NOT_EXECUTABLE;
}

void launch__child(struct launch *l, char **argv, int out_fd)
{
	char go = 0;
	int err;

	restore_signals();
	/* End of file means that the parent gave up. */
	if (read(l->go_fd, &go, 1) != 1)
		_exit(EXIT_STATUS_CANNOT_OBSERVE);
	open_files__restore();
	if (out_fd >= 0)
		dup2(out_fd, STDOUT_FILENO);
	execvp(argv[0], argv);
	err = errno;
	complain(l, (struct complaint){CANNOT_EXECUTE, err}, exec_status(err));
}

/* The child may be gone already; then SIGPIPE must not end gilscope too. */
static bool let_go(struct launch *l)
{
	void (*on_pipe)(int signal) = signal(SIGPIPE, SIG_IGN);
	bool went = write(l->go_fd, "g", 1) == 1;

	signal(SIGPIPE, on_pipe);
	close(l->go_fd);
	l->go_fd = -1;
	return went;
}

/* Returns true if the child had something to complain about. */
static bool hear(struct launch *l, struct complaint *c)
{
	ssize_t n;

	do
		n = read(l->err_fd, c, sizeof(*c));
	while (n < 0 && errno == EINTR);
	close(l->err_fd);
	l->err_fd = -1;
	return n == sizeof(*c);
}

static void explain(const struct launch *l, const struct complaint *c, const char *command,
		    struct failure *f)
{
	const char *why = strerror(c->err);

	if (c->what == CANNOT_BECOME && l->user[0])
		failure__what(f, "cannot run %s as user %s: %s", command, l->user, why);
	else
		failure__what(f, "cannot run %s: %s", command, why);
	if (c->what == CANNOT_BECOME && c->err == EPERM) {
		failure__cause(f, "missing: CAP_SETUID, CAP_SETGID");
		failure__command(f, "sudo gilscope ...");
	} else if (c->what == CANNOT_EXECUTE && c->err == ENOENT && !strchr(command, '/')) {
		failure__command(f, "command -v %s", command);
	} else if (c->what == CANNOT_EXECUTE) {
		failure__command(f, "ls -l %s", command);
	}
}

int launch__go(struct launch *l, char **argv, int *exit_status, struct failure *f)
{
	bool went = let_go(l);
	struct complaint c;

	if (hear(l, &c)) {
		explain(l, &c, argv[0], f);
		*exit_status =
			c.what == CANNOT_EXECUTE ? exec_status(c.err) : EXIT_STATUS_CANNOT_OBSERVE;
	} else if (!went) {
		failure__what(f, "cannot run %s: its process ended before it was begun", argv[0]);
		failure__cause(f, "somebody killed it, or it ran into a limit");
		*exit_status = EXIT_STATUS_CANNOT_OBSERVE;
		c.err = ECHILD;
	} else {
		return 0;
	}
	waitpid(l->pid, NULL, 0);
	return -c.err;
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

int launch__exit_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
