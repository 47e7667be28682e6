// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/base/program.h"
#include "core/figures/snapshot.h"
#include "random.h"
#include "test.h"

static char text[PROGRAM_NAME];

/* The name for arguments that are written with a | between them, and behind the last one. */
static const char *name(const char *args)
{
	char bytes[512] = "";
	size_t size = strlen(args);

	for (size_t i = 0; i < size; i++)
		bytes[i] = args[i] == '|' ? '\0' : args[i];
	program__name(bytes, size, text);
	return text;
}

TEST(scripts_and_modules)
{
	CHECK_STR(name("python3|app.py|--password|secret|"), "app.py");
	CHECK_STR(name("/usr/bin/python3.11|/srv/site/manage.py|runserver|"), "manage.py");
	CHECK_STR(name("/venv/bin/python|/venv/bin/gunicorn|-w|4|app:app|"), "gunicorn");
	CHECK_STR(name("python3|-m|http.server|8000|"), "-m http.server");
	CHECK_STR(name("python3|-mpytest|-x|"), "-m pytest");
	CHECK_STR(name("python3|-um|celery|"), "-m celery");
	CHECK_STR(name("python3|-u|-W|error|-Xdev|-X|faulthandler|a.py|"), "a.py");
	CHECK_STR(name("python3|-uWignore|-B|a.py|-m|b|"), "a.py");
	CHECK_STR(name("python3|--check-hash-based-pycs|never|a.py|"), "a.py");
	CHECK_STR(name("python3|-c|import time\ntime.sleep(1)|"), "-c import time");
	CHECK_STR(name("python3|-|"), "python3");
	CHECK_STR(name("python3|"), "python3");
	CHECK_STR(name("python3|-E|"), "python3");
	CHECK_STR(name("python3|-m|"), "python3");
	CHECK_STR(name("python3|--|-a.py|"), "-a.py");
	CHECK_STR(name("/usr/bin/uwsgi|--http|:80|"), "uwsgi");
	CHECK_STR(name("/a folder/tool|"), "tool");
}

TEST(titles)
{
	CHECK_STR(name("gunicorn: worker [app]|||||||||"), "gunicorn: worker [app]");
	CHECK_STR(name("[celeryd: celery@host:MainProcess] -active- (worker)|"),
		  "[celeryd: celery@host:MainProcess] -active- (worker)");
	CHECK_STR(name("uWSGI worker 1"), "uWSGI worker 1");
}

TEST(names_are_bounded_and_printable)
{
	__u64 seed = 1;

	CHECK_STR(name(""), "");
	CHECK_STR(name("|||"), "");
	CHECK_STR(name("python3|a\033[31m\377b.py|"), "a?[31m?b.py");
	CHECK_STR(name("python3|-c|"
		       "0123456789012345678901234567890123456789012345678901234567890123|"),
		  "-c 012345678901234567890123456789012345678901234567890123456789");
	/* A character is not cut. */
	CHECK_STR(name("python3|012345678901234567890123456789012345678901234567890123456789ä1ö|"),
		  "012345678901234567890123456789012345678901234567890123456789ä1");
	for (int i = 0; i < 20000; i++) {
		char bytes[96], out[PROGRAM_NAME];
		size_t size = random_below(&seed, sizeof(bytes));

		for (size_t j = 0; j < size; j++)
			bytes[j] = "\0-mcWX python/\303\244\n\377"[random_below(&seed, 18)];
		program__name(bytes, size, out);
		CHECK(strlen(out) < PROGRAM_NAME, "no end");
	}
}

TEST(a_process_is_known_by_its_command)
{
	struct snapshot_process p = {.comm = "python3"};

	CHECK_STR(snapshot_process__name(&p, true).s, "python3");
	strcpy(p.command, "app.py");
	CHECK_STR(snapshot_process__name(&p, true).s, "app.py");
}

TEST_MAIN
