// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/output_file.h"

/* ---- the invoking user ---- */

struct invoker {
	uid_t uid;
	gid_t gid;
};

/* Returns the number in an environment variable, or -1. */
static long long number_in(const char *variable)
{
	const char *text = getenv(variable);
	char *end;
	long long n;

	if (!text || *text < '0' || *text > '9')
		return -1;
	n = strtoll(text, &end, 10);
	return *end || n >= 0xffffffffLL ? -1 : n;
}

static struct invoker find_invoker(void)
{
	long long uid = number_in("SUDO_UID"), gid = number_in("SUDO_GID");

	if (geteuid() || uid < 0 || gid < 0)
		return (struct invoker){geteuid(), getegid()};
	return (struct invoker){(uid_t)uid, (gid_t)gid};
}

capabilities output_file__rights(void)
{
	bool gives_away = find_invoker().uid != geteuid();

	return CAPABILITIES_FILES | (gives_away ? CAPABILITY(CAP_CHOWN) : 0);
}

/* ---- what is there ---- */

/* Returns -errno if there is nothing, which is -ENOENT, or if that is not known. */
static int look(const struct output_file *out, const char *name, struct stat *st)
{
	return fstatat(out->folder, name, st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
}

static bool is_own(const struct stat *st)
{
	return st->st_uid == find_invoker().uid;
}

/* Returns 0 if a file may take the place of what is there, else -errno. */
static int may_replace(const struct output_file *out, const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return -EISDIR;
	if (out->policy == OUTPUT_CREATE)
		return -EEXIST;
	if (out->force && (S_ISREG(st->st_mode) || S_ISLNK(st->st_mode)))
		return 0;
	if (S_ISREG(st->st_mode) && is_own(st) && out->policy == OUTPUT_REPLACE)
		return 0;
	return -EEXIST;
}

/* True for what is written to as it is. */
static bool is_stream(const struct output_file *out, const struct stat *st)
{
	if (out->policy == OUTPUT_CREATE)
		return false;
	return S_ISCHR(st->st_mode) || (S_ISFIFO(st->st_mode) && (is_own(st) || out->force));
}

static void explain_kind(const struct output_file *out, const struct stat *st, struct failure *f)
{
	bool opens = S_ISFIFO(st->st_mode) || out->policy == OUTPUT_APPEND;

	failure__what(f, "%s already exists", out->path);
	if (S_ISLNK(st->st_mode))
		failure__cause(f, "it is a symbolic link, which gilscope does not follow%s",
			       opens ? "" : "; --force replaces the link");
	else if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode))
		failure__cause(f, "it is no file, pipe or character device");
	else if (!is_own(st))
		failure__cause(f, "it belongs to user %u, not to you; --force %s it anyway",
			       (unsigned int)st->st_uid, opens ? "opens" : "replaces");
	else
		failure__cause(f, "a recording is replaced only with --force");
	failure__command(f, "ls -ld %s", out->path);
}

static int explain(const char *path, int err, struct failure *f)
{
	failure__what(f, "cannot write to %s: %s", path, strerror(-err));
	failure__command(f, "ls -ld \"$(dirname %s)\"", path);
	return err;
}

/* ---- interrupts ---- */

/* What a signal's handler has to remove; more files than this are never open. A zero byte at the
 * start of a name marks a free place. */
static struct {
	int folder;
	char name[sizeof(((struct output_file *)NULL)->temporary)];
} pending[16];

#define NR_PENDING (sizeof(pending) / sizeof(*pending))

static void note_pending(const struct output_file *out)
{
	size_t i = 0;

	while (i < NR_PENDING && pending[i].name[0])
		i++;
	if (i == NR_PENDING)
		return;
	pending[i].folder = out->folder;
	strcpy(pending[i].name + 1, out->temporary + 1);
	pending[i].name[0] = out->temporary[0];
}

static void forget_pending(const struct output_file *out)
{
	for (size_t i = 0; i < NR_PENDING; i++)
		if (!strcmp(pending[i].name, out->temporary))
			pending[i].name[0] = '\0';
}

static void on_signal(int signal)
{
	for (size_t i = 0; i < NR_PENDING; i++)
		if (pending[i].name[0])
			unlinkat(pending[i].folder, pending[i].name, 0);
	raise(signal); /* delivered when this returns, and then it ends the process */
}

void output_file__drop_on_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	const struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
	struct sigaction before;

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (!sigaction(signals[i], NULL, &before) && before.sa_handler == SIG_DFL)
			sigaction(signals[i], &act, NULL);
}

/* ---- opening ---- */

/* Returns the descriptor that the path stands for, or -1. These are links into /proc; whoever names
 * them means a descriptor that is open already. */
static int descriptor_in(const char *path)
{
	static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
	static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};

	for (int i = 0; i < 3; i++)
		if (!strcmp(path, names[i]))
			return i;
	for (int i = 0; i < 2; i++) {
		size_t length = strlen(folders[i]);
		const char *number = path + length;

		if (!strncmp(path, folders[i], length) && *number && strlen(number) < 7 &&
		    strspn(number, "0123456789") == strlen(number))
			return atoi(number);
	}
	return -1;
}

static int open_descriptor(struct output_file *out, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY)
		return flags < 0 ? -errno : -EBADF;
	out->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return out->fd < 0 ? -errno : 0;
}

/* Opens the folder, so that whatever happens to its path later, all happens in the same one. */
static int open_folder(struct output_file *out)
{
	const char *slash = strrchr(out->path, '/'), *name = slash ? slash + 1 : out->path;
	char *folder;
	struct stat st;
	int err;

	if (!*out->path)
		return -ENOENT;
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EISDIR;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	strcpy(out->name, name);
	folder = !slash ? strdup(".")
			: strndup(out->path, slash > out->path ? slash - out->path : 1);
	if (!folder)
		return -ENOMEM;
	out->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	err = out->folder < 0 ? -errno : 0;
	free(folder);
	if (err)
		return err;
	out->needs_rights = fstat(out->folder, &st) || st.st_uid != geteuid() ||
			    (~st.st_mode & (S_IWUSR | S_IXUSR));
	return 0;
}

static void close_folder(struct output_file *out)
{
	close(out->folder);
	out->folder = -1;
	out->needs_rights = false;
}

/* Opens what exists. Between the look and now, something else may have got the name. */
static int open_existing(struct output_file *out)
{
	int flags = O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
	struct stat st;
	int err;

	if (out->policy == OUTPUT_APPEND)
		flags |= O_APPEND;
	out->fd = openat(out->folder, out->name, flags);
	if (out->fd < 0)
		return errno == ELOOP ? -EEXIST : -errno;
	err = fstat(out->fd, &st) ? -errno : 0;
	if (!err && !is_stream(out, &st) &&
	    !(S_ISREG(st.st_mode) && out->policy == OUTPUT_APPEND && (out->force || is_own(&st))))
		err = -EEXIST;
	if (err) {
		close(out->fd);
		out->fd = -1;
	}
	return err;
}

/* Creates a file that did not exist, which follows no symbolic link, and gives it to the invoking
 * user. Some file systems know no owners; there the file is as good as given. */
static int create(struct output_file *out, const char *name, int flags)
{
	struct invoker to = find_invoker();

	out->fd = openat(out->folder, name,
			 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | flags, 0666);
	if (out->fd < 0)
		return -errno;
	if (to.uid != geteuid() && fchown(out->fd, to.uid, to.gid) && errno != EPERM &&
	    errno != EINVAL)
		return -errno;
	return 0;
}

/* `like` is the invoking user's file that will be replaced, or NULL; its permissions stay. */
static int create_temporary(struct output_file *out, const struct stat *like)
{
	unsigned long long random;
	int err = -EEXIST;

	for (int i = 0; i < 100 && err == -EEXIST; i++) {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return -errno;
		snprintf(out->temporary, sizeof(out->temporary), ".gilscope-%016llx", random);
		err = create(out, out->temporary, 0);
	}
	out->is_temporary = out->is_regular = out->fd >= 0;
	if (out->is_temporary)
		note_pending(out);
	if (!err && like && fchmod(out->fd, like->st_mode & 0777))
		err = -errno;
	return err;
}

static int open_named(struct output_file *out, struct stat *st)
{
	int err = open_folder(out);
	bool exists;

	if (err)
		return err;
	err = look(out, out->name, st);
	exists = !err;
	if (err && err != -ENOENT)
		return err;
	if (exists && is_stream(out, st))
		return open_existing(out);
	if (out->policy == OUTPUT_APPEND) {
		err = exists ? -EEXIST : create(out, out->name, O_APPEND);
		return err == -EEXIST ? open_existing(out) : err;
	}
	err = exists && out->policy != OUTPUT_CREATE ? may_replace(out, st) : 0;
	return err
		       ?: create_temporary(
				  out, exists && is_own(st) && S_ISREG(st->st_mode) ? st : NULL);
}

int output_file__open(struct output_file *out, const char *path, enum output_policy policy,
		      bool force, struct failure *f)
{
	struct stat st = {0};
	int fd = descriptor_in(path), err;

	*out = (struct output_file){
		.fd = -1, .folder = -1, .path = path, .policy = policy, .force = force};
	err = fd >= 0 ? open_descriptor(out, fd) : open_named(out, &st);
	if (err == -EEXIST && st.st_mode)
		explain_kind(out, &st, f);
	else if (err)
		explain(path, err, f);
	if (err && out->fd >= 0)
		close(out->fd);
	if (err) {
		out->fd = -1;
		output_file__drop(out);
	} else if (!out->is_temporary && out->folder >= 0) {
		close_folder(out);
	}
	return err;
}

/* ---- the end ---- */

/* Without renameat2 a second name is made, which fails if there is one already; and where files
 * cannot have two names, nothing better can be done than to look. */
static int rename_new(const struct output_file *out, const char *name)
{
	struct stat st;

	if (!renameat2(out->folder, out->temporary, out->folder, name, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (!linkat(out->folder, out->temporary, out->folder, name, 0)) {
		unlinkat(out->folder, out->temporary, 0);
		return 0;
	}
	if (errno == EEXIST || !look(out, name, &st))
		return -EEXIST;
	return renameat(out->folder, out->temporary, out->folder, name) ? -errno : 0;
}

static int publish(struct output_file *out, const char *name)
{
	struct stat st;
	int err = look(out, name, &st);

	if (err == -ENOENT) {
		err = rename_new(out, name);
	} else if (!err) {
		err = may_replace(out, &st);
		if (!err && renameat(out->folder, out->temporary, out->folder, name))
			err = -errno;
	}
	if (err)
		return err;
	out->is_temporary = false;
	forget_pending(out);
	close_folder(out);
	return 0;
}

int output_file__publish(struct output_file *out)
{
	return out->is_temporary ? publish(out, out->name) : 0;
}

void output_file__rename(struct output_file *out, const char *path)
{
	const char *slash = strrchr(path, '/');

	out->path = path;
	snprintf(out->name, sizeof(out->name), "%s", slash ? slash + 1 : path);
}

int output_file__publish_numbered(struct output_file *out, unsigned int *n)
{
	char name[sizeof(out->name) + 12];
	int err = out->is_temporary ? -EEXIST : -EINVAL;

	while (err == -EEXIST) {
		snprintf(name, sizeof(name), "%s.%u", out->name, ++*n);
		err = publish(out, name);
	}
	return err;
}

void output_file__drop(struct output_file *out)
{
	if (out->is_temporary) {
		unlinkat(out->folder, out->temporary, 0);
		forget_pending(out);
	}
	if (out->path && out->folder >= 0)
		close_folder(out);
	out->is_temporary = false;
}

void output_file__where(const struct output_file *out, char *path, size_t size)
{
	const char *slash = strrchr(out->path, '/');

	snprintf(path, size, "%.*s%s", slash ? (int)(slash + 1 - out->path) : 0, out->path,
		 out->temporary);
}

int output_file__explain(const struct output_file *out, int err, struct failure *f)
{
	char where[PATH_MAX];

	explain(out->path, err, f);
	if (!out->is_temporary)
		return err;
	output_file__where(out, where, sizeof(where));
	failure__cause(f, "%s; what was to be written is in %s",
		       err == -EEXIST ? "somebody made it in the meantime" : "it cannot be renamed",
		       where);
	return err;
}
