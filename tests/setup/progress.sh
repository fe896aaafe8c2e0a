# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Steps that take a while: a title, a line of progress every ten seconds, the
# full output in a log, and the end of the log when a step fails.

step_log=
step_ticker=
step_remedy=
# A step's own output goes to its log, also while its signal traps run.
exec {step_out}>&1

# step NAME TITLE COMMAND [ARGUMENT...]
#
# The command is called plainly, so that `set -e` holds inside it.
step() {
	local name=$1 title=$2 started=$SECONDS
	shift 2
	mkdir -p "$cache/logs"
	say "set-up: $title"
	step_log=$cache/logs/$name.log
	: >"$step_log"
	tick "$step_log" $$ >&"$step_out" &
	step_ticker=$!
	"$@" >"$step_log" 2>&1 </dev/null
	stop_ticking
	step_log=
	say "set-up: $title: done in $((SECONDS - started)) s"
}

# wait_ticking NAME: says how another process gets on with this step, until stop_ticking.
wait_ticking() {
	tick "$cache/logs/$1.log" $$ >&"$step_out" &
	step_ticker=$!
}

# Says every ten seconds what the log says last.
tick() {
	local log=$1 parent=$2 started=$SECONDS last pause
	trap - EXIT
	exec {pause}<> <(:)
	while ! read -rt 1 -u "$pause" _; do
		kill -0 "$parent" 2>/dev/null || return 0
		if [ $(((SECONDS - started) % 10)) != 0 ] || [ "$SECONDS" = "$started" ]; then
			continue
		fi
		last=$(tail -n 1 "$log" 2>/dev/null | tr '\r' '\n' | tail -n 1 | cut -c 1-64)
		say "$(printf '%8d s  %s' $((SECONDS - started)) "$last")"
	done
}

stop_ticking() {
	[ -n "$step_ticker" ] || return 0
	kill "$step_ticker" 2>/dev/null || true
	wait "$step_ticker" 2>/dev/null || true
	step_ticker=
}

# What the EXIT trap of a set-up calls with the exit status.
step_ended() {
	stop_ticking
	[ "$1" != 0 ] && [ -n "$step_log" ] || return 0
	exec >&"$step_out"
	if [ "$1" -gt 128 ]; then
		say "set-up: interrupted; the next run goes on from here"
		return 0
	fi
	say "set-up: FAILED; the end of $step_log:"
	tail -n 30 "$step_log" | sed "s/^/    /"
	[ -z "$step_remedy" ] ||
		say "set-up: run it again; if that does not help, delete $step_remedy"
}
