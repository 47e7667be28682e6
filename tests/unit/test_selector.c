// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which processes a name, a unit, a cgroup or a container means. */
#include "core/base/selector.h"
#include "random.h"
#include "test.h"

#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdee"

static bool name(const char *word, const char *comm, const char *command)
{
	const struct selector s = {.kind = SELECT_name, .word = word};
	char text[PROGRAM_NAME];

	snprintf(text, sizeof(text), "%s", command);
	return selector__matches_name(&s, comm, text);
}

static bool in(enum selector_kind kind, const char *word, const char *cgroups)
{
	struct selector s = {.kind = kind, .word = word};

	return selector__matches_cgroup(&s, cgroups);
}

TEST(names_are_whole)
{
	CHECK(name("python3", "python3", "app.py"), "comm");
	CHECK(name("app.py", "python3", "app.py"), "script");
	CHECK(name("app", "python3", "app.py"), "script without .py");
	CHECK(name("http.server", "python3", "-m http.server"), "module");
	CHECK(name("-m http.server", "python3", "-m http.server"), "module as it is shown");
	CHECK(name("gunicorn", "python3", "gunicorn: worker [app]"), "first word of a title");
	CHECK(name("celery", "python3", "celery worker"), "first word of a title");
	CHECK(name("gunicorn: worker [app]", "python3", "gunicorn: worker [app]"), "title");
	CHECK(!name("python", "python3", "app.py"), "part of comm");
	CHECK(!name("pp", "python3", "app.py"), "part of a script");
	CHECK(!name("server", "python3", "-m http.server"), "part of a module");
	CHECK(!name("worker", "python3", "gunicorn: worker [app]"), "another word of a title");
	CHECK(!name("import", "python3", "-c import time"), "code");
	CHECK(!name("", "python3", ""), "an empty word");
	CHECK(!name("App", "python3", "app.py"), "another case");
}

TEST(names_with_wildcards)
{
	CHECK(name("python*", "python3.11", ""), "a star at the end");
	CHECK(name("*server*", "python3", "-m http.server"), "in the middle");
	CHECK(name("gunicorn: worker*", "x", "gunicorn: worker [app]"), "a title");
	CHECK(name("pytho?3", "python3", ""), "one character");
	CHECK(!name("python?", "python", ""), "one character is missing");
	CHECK(name("*", "x", ""), "any");
	CHECK(!name("[a-z]*", "x", ""), "brackets have no meaning");
	CHECK(name("[a]*", "[a]b", ""), "brackets have no meaning");
}

TEST(many_wildcards_take_bounded_work)
{
	char word[2049], command[PROGRAM_NAME];

	for (int i = 0; i < 1024; i++)
		memcpy(word + 2 * i, "*a", 2);
	word[2048] = '\0';
	memset(command, 'a', sizeof(command) - 1);
	command[sizeof(command) - 1] = '\0';
	CHECK(!name(word, "aaaaaaaaaaaaaaa", command), "too many");
	CHECK(!name("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", "", command), "no b");
}

TEST(units)
{
	static const char v2[] = "0::/system.slice/gunicorn.service\n";
	static const char user[] =
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/jupyter.service\n";
	static const char v1[] = "4:memory:/system.slice\n1:name=systemd:/system.slice/"
				 "app@2.service\n";

	CHECK(in(SELECT_unit, "gunicorn", v2), "short");
	CHECK(in(SELECT_unit, "gunicorn.service", v2), "whole");
	CHECK(in(SELECT_unit, "gun*", v2), "with a star");
	CHECK(in(SELECT_unit, "system.slice", v2), "a slice");
	CHECK(!in(SELECT_unit, "system", v2), "a slice is not called in short");
	CHECK(!in(SELECT_unit, "gun", v2), "a part");
	CHECK(in(SELECT_unit, "jupyter", user), "a user's");
	CHECK(in(SELECT_unit, "user@1000", user), "the user's manager");
	CHECK(in(SELECT_unit, "app@2.service", v1), "cgroup v1");
	CHECK(!in(SELECT_unit, "name=systemd", v1), "a controller is no unit");
}

TEST(cgroups)
{
	static const char v2[] = "0::/a.slice/b.service/c\n";
	static const char v1[] =
		"9:cpu,cpuacct:/x/y\n4:memory:/docker/z\n1:name=systemd:/s\n0::/u\n";

	CHECK(in(SELECT_cgroup, "/a.slice/b.service/c", v2), "itself");
	CHECK(in(SELECT_cgroup, "/a.slice/b.service", v2), "below");
	CHECK(in(SELECT_cgroup, "a.slice//./b.service/", v2), "written otherwise");
	CHECK(in(SELECT_cgroup, "/sys/fs/cgroup/a.slice", v2), "with the mount point");
	CHECK(in(SELECT_cgroup, "/sys/fs/cgroup", v2), "all");
	CHECK(in(SELECT_cgroup, "/", v2), "all");
	CHECK(!in(SELECT_cgroup, "/a.slice/b", v2), "half a component");
	CHECK(!in(SELECT_cgroup, "/b.service", v2), "not from the root");
	CHECK(!in(SELECT_cgroup, "/a.slice/b.service/c/d", v2), "above");
	CHECK(in(SELECT_cgroup, "/sys/fs/cgroup/memory/docker/z", v1), "a controller");
	CHECK(in(SELECT_cgroup, "cpu,cpuacct/x", v1), "two controllers");
	CHECK(in(SELECT_cgroup, "systemd/s", v1), "a named hierarchy");
	CHECK(in(SELECT_cgroup, "unified/u", v1), "cgroup v2 beside v1");
	CHECK(in(SELECT_cgroup, "/docker", v1), "in any hierarchy");
	CHECK(!in(SELECT_cgroup, "cpu,cpuacct/docker", v1), "in another hierarchy");
}

TEST(containers)
{
	static const char *const with_id[] = {
		"0::/system.slice/docker-" ID ".scope\n",
		"5:pids:/docker/" ID "\n4:memory:/\n",
		"0::/machine.slice/libpod-" ID ".scope/container\n",
		"0::/user.slice/user-1.slice/user@1.service/user.slice/libpod-" ID ".scope\n",
		"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope\n",
		"0::/kubepods/burstable/pod1/" ID "\n",
		"0::/system.slice/crio-" ID ".scope\n",
		"0::/kubepods-pod1.slice:cri-containerd:" ID "\n",
		"0::/docker/" OTHER "/docker/" ID "\n",
	};
	static const char *const with_name[] = {
		"0::/lxc.payload.web-1\n",
		"4:memory:/lxc/web-1/system.slice\n",
		"0::/lxc.payload/web-1\n",
		"0::/machine.slice/systemd-nspawn@web\\x2d1.service/payload/init.scope\n",
		"0::/machine.slice/machine-web\\x2d1.scope\n",
	};

	for (size_t i = 0; i < sizeof(with_id) / sizeof(*with_id); i++) {
		CHECK(in(SELECT_container, ID, with_id[i]), "%s", with_id[i]);
		CHECK(!in(SELECT_container, "1234567", with_id[i]), "%s", with_id[i]);
	}
	CHECK(in(SELECT_container, "0123", with_id[0]), "the beginning of an ID");
	CHECK(!in(SELECT_container, "012", with_id[0]), "too short");
	for (size_t i = 0; i < sizeof(with_name) / sizeof(*with_name); i++)
		CHECK(in(SELECT_container, "web-1", with_name[i]), "%s", with_name[i]);
	CHECK(!in(SELECT_container, ID, "0::/machine.slice/libpod-conmon-" ID ".scope\n"),
	      "conmon");
	CHECK(!in(SELECT_container, "web-1", "0::/lxc.monitor.web-1\n"), "lxc's monitor");
	CHECK(!in(SELECT_container, "0123", "0::/x" ID "\n"), "no place where an ID is");
}

TEST(the_beginning_of_two_ids)
{
	struct selector s = {.kind = SELECT_container, .word = "0123456"};

	CHECK(selector__matches_cgroup(&s, "0::/docker/" ID "\n"), "the first");
	CHECK(!s.other[0], "one so far");
	CHECK(!selector__matches_cgroup(&s, "0::/docker/" OTHER "\n"), "the second");
	CHECK_STR(s.id, ID);
	CHECK_STR(s.other, OTHER);
	CHECK(selector__matches_cgroup(&s, "0::/docker/" ID "\n"), "the first, again");
}

static void note(void *ctx, const char *word)
{
	strcat(strcat(ctx, word), " ");
}

TEST(what_could_be_selected)
{
	char words[512] = "";

	selector__each_unit("0::/user.slice/user@1.service/app.slice/a.scope/b\n", note, words);
	CHECK_STR(words, "user@1.service a.scope ");
	words[0] = '\0';
	selector__each_container("0::/docker/" ID "\n4:memory:/lxc/web\n", note, words);
	CHECK_STR(words, "0123456789ab web ");
}

TEST(hostile_paths)
{
	static const char letters[] = "/:\n-\\x2af.scopelxc";

	__u64 seed = random_seed(1);

	for (int i = 0; i < 20000; i++) {
		char text[200], words[4096] = "";
		size_t n = random_below(&seed, sizeof(text) - 1);

		for (size_t j = 0; j < n; j++)
			text[j] = letters[random_below(&seed, sizeof(letters) - 1)];
		text[n] = '\0';
		for (int kind = SELECT_unit; kind < SELECTOR_KINDS; kind++)
			in((enum selector_kind)kind, i % 2 ? "*" : "abcd", text);
		selector__each_unit(text, note, words);
		selector__each_container(text, note, words);
	}
}

TEST_MAIN
