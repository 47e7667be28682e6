// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope completion: prints the script with which a shell completes command lines of gilscope. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands/command.h"
#include "commands/command_line.h"
#include "commands/complete.h"
#include "core/base/suggest.h"

static const char bash[] =
	"# Completes the command line of gilscope, in bash.\n"
	"_gilscope() {\n"
	"\tlocal line i word=${COMP_WORDS[COMP_CWORD]}\n"
	"\tlocal ask=(\"$1\" " COMPLETE_REQUEST " \"$word\")\n"
	"\t((COMP_CWORD == 1)) ||\n"
	"\t\task=(\"$1\" \"${COMP_WORDS[1]}\" " COMPLETE_REQUEST
	" \"${COMP_WORDS[@]:2:COMP_CWORD-1}\")\n"
	"\tCOMPREPLY=()\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tcase $line in\n"
	"\t\t:files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\") ;;\n"
	"\t\t:command)\n"
	"\t\t\tfor ((i = 2; i < COMP_CWORD; i++)); do [ \"${COMP_WORDS[i]}\" = -- ] && break; "
	"done\n"
	"\t\t\tif ((i < COMP_CWORD)) && declare -F _command_offset > /dev/null; then\n"
	"\t\t\t\t_command_offset $((i + 1))\n"
	"\t\t\telse\n"
	"\t\t\t\tmapfile -t COMPREPLY < <(compgen -c -f -- \"$word\")\n"
	"\t\t\tfi ;;\n"
	"\t\t*) COMPREPLY+=(\"${line%%$'\\t'*}\") ;;\n"
	"\t\tesac\n"
	"\tdone < <(\"${ask[@]}\" 2> /dev/null)\n"
	"}\n"
	"complete -F _gilscope gilscope\n";

static const char zsh[] =
	"#compdef gilscope\n"
	"# Completes the command line of gilscope, in zsh.\n"
	"_gilscope() {\n"
	"\tlocal line i\n"
	"\tlocal -a candidates ask\n"
	"\task=(\"$words[1]\" " COMPLETE_REQUEST " \"$words[2]\")\n"
	"\t((CURRENT == 2)) ||\n"
	"\t\task=(\"$words[1]\" \"$words[2]\" " COMPLETE_REQUEST " \"${(@)words[3,CURRENT]}\")\n"
	"\twhile IFS= read -r line; do\n"
	"\t\tcase $line in\n"
	"\t\t:files) _files ;;\n"
	"\t\t:command)\n"
	"\t\t\ti=${words[(I)--]}\n"
	"\t\t\tif ((i > 0 && i < CURRENT)); then\n"
	"\t\t\t\tshift $i words\n"
	"\t\t\t\t((CURRENT -= i))\n"
	"\t\t\t\t_normal\n"
	"\t\t\telse\n"
	"\t\t\t\t_command_names -e\n"
	"\t\t\tfi ;;\n"
	"\t\t*) candidates+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
	"\t\tesac\n"
	"\tdone < <(\"$ask[@]\" 2> /dev/null)\n"
	"\t_describe gilscope candidates\n"
	"}\n"
	"if [ \"$funcstack[1]\" = _gilscope ]; then _gilscope \"$@\"; else compdef _gilscope "
	"gilscope; "
	"fi\n";

static const char fish[] =
	"# Completes the command line of gilscope, in fish.\n"
	"function __gilscope_complete\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l ask $words[1] " COMPLETE_REQUEST "\n"
	"\tset -q words[2]; and set ask $words[1..2] " COMPLETE_REQUEST " $words[3..-1]\n"
	"\tfor line in ($ask (commandline -ct) 2> /dev/null)\n"
	"\t\tswitch $line\n"
	"\t\t\tcase :files\n"
	"\t\t\t\t__fish_complete_path (commandline -ct)\n"
	"\t\t\tcase :command\n"
	"\t\t\t\t__fish_complete_command\n"
	"\t\t\t\t__fish_complete_path (commandline -ct)\n"
	"\t\t\tcase '*'\n"
	"\t\t\t\tprintf '%s\\n' $line\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"complete -c gilscope -f -a '(__gilscope_complete)'\n";

static const struct {
	const char *shell, *script;
} scripts[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};

#define NR_SCRIPTS (sizeof(scripts) / sizeof(*scripts))

static const struct option_row completion_option_rows[] = {{0}};

static const char usage[] =
	"usage: gilscope completion bash|zsh|fish\n"
	"\n"
	"Prints a script with which the shell completes commands, options, their values,\n"
	"the processes for -p, and the figures of rules. Packages install it.\n";

static const char examples[] =
	"EXAMPLES\n"
	"  source <(gilscope completion bash)       in ~/.bashrc\n"
	"  source <(gilscope completion zsh)        in ~/.zshrc, after compinit\n"
	"  gilscope completion fish | source        in ~/.config/fish/config.fish\n";

static int check(void *script, int argc, char **argv, int rest, struct failure *f)
{
	struct suggestion s;

	if (rest + 1 != argc) {
		failure__what(f, rest == argc ? "no shell given: bash, zsh or fish"
					      : "more than one shell given");
		return -EINVAL;
	}
	s = suggest__begin(argv[rest], strlen(argv[rest]));
	for (size_t i = 0; i < NR_SCRIPTS; i++) {
		if (!strcmp(scripts[i].shell, argv[rest]))
			*(const char **)script = scripts[i].script;
		suggest__offer(&s, scripts[i].shell, strlen(scripts[i].shell));
	}
	if (*(const char **)script)
		return 0;
	failure__what(f,
		      s.best[0] ? "unknown shell '%s' (did you mean %s?)"
				: "unknown shell '%s': bash, zsh and fish are known%s",
		      argv[rest], s.best);
	return -EINVAL;
}

static int print(void *script, struct failure *f)
{
	fputs(*(const char **)script, stdout);
	if (!fflush(stdout))
		return EXIT_STATUS_OK;
	failure__what(f, "cannot write to standard output: %s", strerror(errno));
	return EXIT_STATUS_USAGE;
}

int cmd_completion(int argc, char **argv)
{
	const char *script = NULL;
	const struct option_group groups[] = {{"Options", completion_option_rows, &script}, {0}};
	const struct command_line line = {usage, examples, groups,         check,
					  print, &script,  "bash|zsh|fish"};

	return command_line__run(&line, argc, argv);
}
