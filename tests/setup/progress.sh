# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Long steps of a set-up. Each prints a title and a line of progress every ten seconds, and
# writes its full output to a log. If it fails, it prints the end of the log.

step_log=
step_progress=
# The path to delete if a step fails again.
step_output=
# The standard output of the script. A step redirects its own to the log, also for its traps.
exec {step_stdout}>&1

# step NAME TITLE COMMAND [ARGUMENT...]
#
# The command is not part of a condition, so that `set -e` applies in it.
step() {
	local name=$1 title=$2 started=$SECONDS
	shift 2
	mkdir -p "$cache/logs"
	say "set-up: $title"
	step_log=$cache/logs/$name.log
	: >"$step_log"
	print_progress "$step_log" $$ >&"$step_stdout" &
	step_progress=$!
	"$@" >"$step_log" 2>&1 </dev/null
	stop_progress
	step_log=
	say "set-up: $title: done in $((SECONDS - started)) s"
}

# show_progress_of NAME: prints the progress of this step in another process, until
# stop_progress is called.
show_progress_of() {
	print_progress "$cache/logs/$1.log" $$ >&"$step_stdout" &
	step_progress=$!
}

# Prints the last line of the log every ten seconds.
print_progress() {
	local log=$1 parent=$2 started=$SECONDS last pause
	trap - EXIT
	exec {pause}<> <(:)
	while ! read -rt 1 -u "$pause" _; do
		kill -0 "$parent" 2>/dev/null || return 0
		if [ $(((SECONDS - started) % 10)) != 0 ] || [ "$SECONDS" = "$started" ]; then
			continue
		fi
		last=$(tail -n 1 "$log" 2>/dev/null | tr '\r' '\n' | sed '/^ *$/d' |
			tail -n 1 | cut -c 1-64)
		say "$(printf '%8d s  %s' $((SECONDS - started)) "$last")"
	done
}

stop_progress() {
	[ -n "$step_progress" ] || return 0
	kill "$step_progress" 2>/dev/null || true
	wait "$step_progress" 2>/dev/null || true
	step_progress=
}

# end_steps STATUS: the EXIT trap of a set-up calls it with the exit status.
end_steps() {
	stop_progress
	[ "$1" != 0 ] && [ -n "$step_log" ] || return 0
	exec >&"$step_stdout"
	if [ "$1" -gt 128 ]; then
		say "set-up: interrupted; the next run continues here"
		return 0
	fi
	say "set-up: FAILED; the end of $step_log:"
	tail -n 30 "$step_log" | sed "s/^/    /"
	[ -z "$step_output" ] ||
		say "set-up: run it again; if that does not help, delete $step_output"
}
