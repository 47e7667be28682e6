/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The unit tests' frame. A test program is a list of TEST(name) { ... } bodies and TEST_MAIN; it
 * prints one line per test, "ok NAME", "not ok NAME: why" or "skip NAME: why", which tests/run
 * counts. Its arguments, if there are any, name the tests to run.
 */
#ifndef TEST_H
#define TEST_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test {
	const char *name;
	void (*run)(void);
	struct test *next;
};

/* Weak: a program of several files has one list. */
#define TEST_SHARED __attribute__((weak))
TEST_SHARED struct test *test_list, **test_tail = &test_list;
TEST_SHARED char test_failure[512], test_skip[256];

static inline void test_register(struct test *t)
{
	*test_tail = t;
	test_tail = &t->next;
}

#define TEST(id)                                                                                   \
	static void test_run_##id(void);                                                           \
	__attribute__((constructor)) static void test_register_##id(void)                          \
	{                                                                                          \
		static struct test t = {#id, test_run_##id, NULL};                                 \
		test_register(&t);                                                                 \
	}                                                                                          \
	static void test_run_##id(void)

/* Ends the test as failed, with a printf message, unless cond holds. */
#define CHECK(cond, ...)                                                                           \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			int n_ = snprintf(test_failure, sizeof(test_failure),                      \
					  "%s:%d: %s: ", __FILE__, __LINE__, #cond);               \
			if (n_ > 0 && n_ < (int)sizeof(test_failure))                              \
				snprintf(test_failure + n_, sizeof(test_failure) - n_,             \
					 "" __VA_ARGS__);                                          \
			return;                                                                    \
		}                                                                                  \
	} while (0)

#define CHECK_EQ(a, b)                                                                             \
	do {                                                                                       \
		long long a_ = (long long)(a), b_ = (long long)(b);                                \
		CHECK(a_ == b_, "%s is %lld, not %lld", #a, a_, b_);                               \
	} while (0)

#define CHECK_STR(a, b)                                                                            \
	do {                                                                                       \
		const char *s_ = (a), *t_ = (b);                                                   \
		CHECK(!strcmp(s_, t_), "\"%s\" is not \"%s\"", s_, t_);                            \
	} while (0)

#define SKIP(...)                                                                                  \
	do {                                                                                       \
		snprintf(test_skip, sizeof(test_skip), __VA_ARGS__);                               \
		return;                                                                            \
	} while (0)

/* Runs one test and prints its line. Returns 1 if it failed, else 0. */
static inline int test_run(const struct test *t)
{
	test_failure[0] = test_skip[0] = '\0';
	t->run();
	if (test_failure[0])
		printf("not ok %s: %s\n", t->name, test_failure);
	else if (test_skip[0])
		printf("skip %s: %s\n", t->name, test_skip);
	else
		printf("ok %s\n", t->name);
	fflush(stdout);
	return test_failure[0] != '\0';
}

static inline const struct test *test_find(const char *name)
{
	for (const struct test *t = test_list; t; t = t->next)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

/* Without arguments all tests run; with arguments, only the tests that they name. */
static inline int test_main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		if (test_find(argv[i]))
			continue;
		fprintf(stderr, "%s: there is no test '%s'; the tests are:\n", argv[0], argv[i]);
		for (const struct test *t = test_list; t; t = t->next)
			fprintf(stderr, "  %s\n", t->name);
		return 2;
	}
	for (int i = 1; i < argc; i++)
		failed |= test_run(test_find(argv[i]));
	if (argc < 2)
		for (const struct test *t = test_list; t; t = t->next)
			failed |= test_run(t);
	return failed;
}

#define TEST_MAIN                                                                                  \
	int main(int argc, char **argv)                                                            \
	{                                                                                          \
		return test_main(argc, argv);                                                      \
	}

#endif
