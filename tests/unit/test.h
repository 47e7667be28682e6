/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The unit tests' frame. A test program is a list of TEST(name) { ... } bodies and TEST_MAIN; it
 * prints one line per test, "ok NAME", "not ok NAME: why" or "skip NAME: why", which tests/run
 * counts.
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

static struct test *test_list, **test_tail = &test_list;
static char test_failure[512], test_skip[256];

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

#define TEST_MAIN                                                                                  \
	int main(void)                                                                             \
	{                                                                                          \
		int failed = 0;                                                                    \
                                                                                                   \
		for (struct test *t = test_list; t; t = t->next) {                                 \
			test_failure[0] = test_skip[0] = '\0';                                     \
			t->run();                                                                  \
			if (test_failure[0])                                                       \
				printf("not ok %s: %s\n", t->name, test_failure), failed = 1;      \
			else if (test_skip[0])                                                     \
				printf("skip %s: %s\n", t->name, test_skip);                       \
			else                                                                       \
				printf("ok %s\n", t->name);                                        \
			fflush(stdout);                                                            \
		}                                                                                  \
		return failed;                                                                     \
	}

#endif
