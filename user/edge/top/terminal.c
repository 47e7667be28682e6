// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Curses restores the terminal when it is asked to, but when the program crashes nobody asks. So
 * what is needed to restore it (the mode, and a few bytes to write) is saved at the start, and a
 * signal handler uses that with nothing but write and tcsetattr. Other signals come through the
 * event loop; curses' own handlers are never called.
 */
#define NCURSES_WIDECHAR 1
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "core/base/clock.h"
#include "edge/top/terminal.h"
#include "edge/top/terminfo.h"
#include "core/screen/view.h"

/* Last, because these two define common words as macros. */
#include <curses.h>
#include <term.h>

#define ESCAPE_MS 25 /* the bytes of a key's escape sequence arrive together */
#define CTRL_L    12
#define DOUBLE_NS 400000000ULL /* the longest time between the presses of a double click */

struct terminal {
	SCREEN *screen;
	FILE *in; /* stdin, or /dev/tty */
	int colours;
	const struct theme *theme;  /* the theme whose colours are set */
	struct terminal_click last; /* the last click, and when it was */
	__u64 last_ns;
};

/* ---- a crash ---- */

static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGQUIT};

static struct {
	struct termios mode;
	char bytes[256];
	size_t size;
	int in;
} found; /* how to restore the terminal; used by the handler */

static void give_back(int signal)
{
	ssize_t n = write(STDOUT_FILENO, found.bytes, found.size);

	(void)n;
	tcsetattr(found.in, TCSANOW, &found.mode);
	raise(signal); /* SA_RESETHAND: now the default action follows */
}

static void add_capability(const char *name)
{
	const char *s = tigetstr(name);
	size_t n = s && s != (const char *)-1 ? strlen(s) : 0;

	if (n && found.size + n < sizeof(found.bytes))
		memcpy(found.bytes + found.size, s, n);
	found.size += n;
}

static void watch_for_crashes(int in)
{
	static const char *const names[] = {"sgr0", "rmkx", "cnorm", "rmcup"};
	struct sigaction action = {.sa_handler = give_back, .sa_flags = SA_RESETHAND | SA_NODEFER};

	found.in = in;
	found.size = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		add_capability(names[i]);
	for (size_t i = 0; i < sizeof(crashes) / sizeof(*crashes); i++)
		sigaction(crashes[i], &action, NULL);
}

static void stop_watching(void)
{
	for (size_t i = 0; i < sizeof(crashes) / sizeof(*crashes); i++)
		signal(crashes[i], SIG_DFL);
}

/* ---- open and close ---- */

bool terminal__is_there(void)
{
	return isatty(STDOUT_FILENO);
}

static int explain(const char *what, struct failure *f)
{
	const char *name = getenv("TERM");

	failure__what(f, "cannot use the terminal: %s", what);
	failure__cause(f,
		       "TERM is %s%s%s, which the terminfo database does not know, or which "
		       "cannot move the cursor",
		       name ? "'" : "not set", name ? name : "", name ? "'" : "");
	failure__command(f,
			 "TERM=xterm-256color gilscope top ... (or gilscope top -b, which prints "
			 "plain text)");
	return -ENOTTY;
}

static void set_up(void)
{
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	intrflush(stdscr, FALSE);
	curs_set(0);
	set_escdelay(ESCAPE_MS);
}

static bool is_usable(void)
{
	int code;
	bool usable = setupterm(NULL, STDOUT_FILENO, &code) == OK && cursor_address;

	if (cur_term)
		del_curterm(cur_term);
	return usable;
}

/*
 * Opens the screen. A terminal that the machine's database lacks, or a machine that has none, gets
 * the description that is compiled in; curses takes it from the environment, from which it is
 * removed again. In some of the cases that is_usable excludes, newterm would exit the program.
 */
static SCREEN *open_screen(FILE *in)
{
	const char *name = getenv("TERM");
	const char *description = NULL;
	SCREEN *screen = NULL;
	bool usable = is_usable();

	if (!usable && name && !getenv("TERMINFO"))
		description = terminfo__compiled_in(name);
	if (description && !setenv("TERMINFO", description, 1))
		usable = is_usable();
	if (usable)
		screen = newterm(NULL, stdout, in);
	if (description)
		unsetenv("TERMINFO");
	return screen;
}

/* Most terminals report a mouse in this way, and the others ignore what ends it. */
static const char mouse_off[] = "\033[?1000l\033[?1006l";

static void take_mouse(void)
{
	/* A press is reported at once, because nothing waits for a second one. */
	mouseinterval(0);
	if (!mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL))
		return;
	if (found.size + sizeof(mouse_off) <= sizeof(found.bytes)) {
		memcpy(found.bytes + found.size, mouse_off, sizeof(mouse_off) - 1);
		found.size += sizeof(mouse_off) - 1;
	}
}

int terminal__open(struct terminal **out, bool mouse, struct failure *f)
{
	struct terminal *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (!t)
		return -ENOMEM;
	t->in = isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "re");
	if (!t->in || tcgetattr(fileno(t->in), &found.mode)) {
		failure__what(f,
			      "cannot read keys: standard input is not a terminal, and /dev/tty "
			      "cannot be used: %s",
			      strerror(errno));
		failure__command(f, "gilscope top -b ...");
		free(t);
		return -ENOTTY;
	}
	t->screen = open_screen(t->in);
	if (!t->screen) {
		free(t);
		return explain("unknown terminal type", f);
	}
	watch_for_crashes(fileno(t->in));
	set_up();
	if (mouse)
		take_mouse();
	if (has_colors() && start_color() == OK && use_default_colors() == OK)
		t->colours = COLORS;
	*out = t;
	return 0;
}

void terminal__close(struct terminal *t)
{
	if (!t)
		return;
	endwin();
	stop_watching();
	delscreen(t->screen);
	if (t->in != stdin)
		fclose(t->in);
	free(t);
}

/* ---- keys ---- */

int terminal__fd(const struct terminal *t)
{
	return fileno(t->in);
}

static const struct {
	wint_t curses;
	int key;
} function_keys[] = {
	{KEY_UP, KEY_CODE_UP},
	{KEY_DOWN, KEY_CODE_DOWN},
	{KEY_LEFT, KEY_CODE_LEFT},
	{KEY_RIGHT, KEY_CODE_RIGHT},
	{KEY_PPAGE, KEY_CODE_PAGE_UP},
	{KEY_NPAGE, KEY_CODE_PAGE_DOWN},
	{KEY_HOME, KEY_CODE_HOME},
	{KEY_END, KEY_CODE_END},
	{KEY_F(1), KEY_CODE_F1},
	{KEY_ENTER, KEY_CODE_ENTER},
	{KEY_BACKSPACE, KEY_CODE_BACKSPACE},
};

/* The key of what the mouse did; 0: nothing. */
static int mouse_key(struct terminal *t, struct terminal_click *click)
{
	__u64 now = clock_ns();
	MEVENT e;

	if (getmouse(&e) != OK)
		return 0;
	if (e.bstate & BUTTON4_PRESSED)
		return KEY_CODE_WHEEL_UP;
	if (e.bstate & BUTTON5_PRESSED)
		return KEY_CODE_WHEEL_DOWN;
	if (!(e.bstate & BUTTON1_PRESSED))
		return 0;
	*click = (struct terminal_click){.x = e.x, .y = e.y};
	click->second = !t->last.second && t->last_ns && now - t->last_ns < DOUBLE_NS &&
			t->last.x == e.x && t->last.y == e.y;
	t->last = *click;
	t->last_ns = now;
	return TERMINAL_CLICK;
}

static int function_key(wint_t c)
{
	for (size_t i = 0; i < sizeof(function_keys) / sizeof(*function_keys); i++)
		if (function_keys[i].curses == c)
			return function_keys[i].key;
	return 0;
}

int terminal__key(struct terminal *t, struct terminal_click *click)
{
	struct pollfd p = {.fd = fileno(t->in), .events = POLLIN};
	wint_t c;
	int kind, key;

	while ((kind = get_wch(&c)) != ERR) {
		if (kind != KEY_CODE_YES && c == CTRL_L) {
			clearok(curscr, TRUE);
			wrefresh(curscr);
			continue;
		}
		if (kind != KEY_CODE_YES)
			return c ? (int)c : ' ';
		key = c == KEY_MOUSE ? mouse_key(t, click) : function_key(c);
		if (key)
			return key;
	}
	return poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLERR | POLLNVAL) ? -1 : 0;
}

/* ---- showing ---- */

void terminal__size(const struct terminal *t, int *width, int *height)
{
	(void)t;
	*width = COLS;
	*height = LINES;
}

bool terminal__has_colours(const struct terminal *t)
{
	return t->colours >= 8;
}

static void set_colours(struct terminal *t, const struct theme *theme)
{
	for (int i = 0; i < STYLES && t->colours >= 8; i++) {
		const struct theme_look *l = &theme->look[i];

		init_pair((short)(i + 1), t->colours >= 256 ? l->colour : l->basic, -1);
	}
	t->theme = theme;
}

static attr_t attributes(const struct theme_look *l)
{
	return (l->attributes & THEME_BOLD ? A_BOLD : 0) | (l->attributes & THEME_DIM ? A_DIM : 0) |
	       (l->attributes & THEME_REVERSE ? A_REVERSE : 0) |
	       (l->attributes & THEME_UNDERLINE ? A_UNDERLINE : 0);
}

/* A character that this locale does not know, or gives another width, would shift everything to its
 * right; it becomes '?'. */
static void to_wide(const struct cell *c, wchar_t wide[CCHARW_MAX + 1])
{
	size_t n = mbstowcs(wide, c->s, CCHARW_MAX);

	if (n == (size_t)-1 || !n || wcwidth(wide[0]) != c->width) {
		wide[0] = '?';
		n = 1;
	}
	for (size_t i = 1; i < n; i++)
		if (wcwidth(wide[i]) != 0)
			n = i;
	wide[n] = L'\0';
}

static void show_cell(const struct terminal *t, int x, int y, const struct cell *c)
{
	short pair = t->colours >= 8 ? (short)(c->style + 1) : 0;
	wchar_t wide[CCHARW_MAX + 1];
	cchar_t glyph;

	to_wide(c, wide);
	if (setcchar(&glyph, wide, attributes(&t->theme->look[c->style]), pair, NULL) == OK)
		mvadd_wch(y, x, &glyph);
}

void terminal__show(struct terminal *t, const struct grid *g, const struct theme *theme)
{
	if (t->theme != theme)
		set_colours(t, theme);
	erase();
	for (int y = 0; y < g->height; y++) {
		for (int x = 0; x < g->width; x++) {
			const struct cell *c = grid__cell(g, x, y);

			/* erase() has already drawn the plain blanks. */
			if (c->width && (c->style || c->s[0] != ' '))
				show_cell(t, x, y, c);
		}
	}
	refresh();
}

/* ---- signals ---- */

void terminal__resized(struct terminal *t)
{
	struct winsize size;

	if (!ioctl(fileno(t->in), TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

void terminal__stop(struct terminal *t)
{
	endwin();
	raise(SIGSTOP);
	terminal__continued(t);
}

void terminal__continued(struct terminal *t)
{
	terminal__resized(t);
	set_up();
	clearok(curscr, TRUE);
	refresh();
}
