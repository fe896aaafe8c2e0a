# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Results of runs of tests, in TAP, added up.

# Of all runs; what is counted at the moment.
passed=0
failed=0
counted_process=

# count TITLE PROCESS SECOND: shows a run's lines, its standard input, as they come
# and counts its results; says that it is still at work when no line comes. PROCESS
# is a child of this shell that runs it, SECOND when it began. A run that fails in
# any other way than by a test, or that has no tests, counts as one failure.
count() {
	counted_process=$2
	local title=$1 line part='' got ok=0 not_ok=0 plan='' status=0 started=$3
	while true; do
		got=0
		IFS= read -rt 20 line || got=$?
		if [ "$got" -gt 128 ]; then
			# A part of a line may have come.
			part+=$line
			printf '# ... %d s\n' $((SECONDS - started))
			continue
		fi
		[ "$got" = 0 ] || break
		line=$part$line
		part=
		case $line in
		'ok '*) ok=$((ok + 1)) ;;
		'not ok '*) not_ok=$((not_ok + 1)) ;;
		1..*) plan=${line#1..} ;;
		esac
		printf '%s\n' "$line"
	done
	wait "$counted_process" || status=$?
	if [ $((ok + not_ok)) = 0 ]; then
		complain 'no test ran'
	elif [ -z "$plan" ]; then
		complain "$((ok + not_ok)) tests ran, of nobody knows how many"
	elif [ "$plan" != $((ok + not_ok)) ]; then
		complain "$((ok + not_ok)) tests ran of $plan"
	elif [ "$status" != 0 ] && [ "$not_ok" = 0 ]; then
		complain "ended with status $status"
	fi
	passed=$((passed + ok))
	failed=$((failed + not_ok))
	printf '# %s: %d ok, %d not ok, in %d s\n' \
		"$title" "$ok" "$not_ok" $((SECONDS - started))
}

complain() {
	printf 'not ok - %s: %s\n' "$title" "$1"
	not_ok=$((not_ok + 1))
}
