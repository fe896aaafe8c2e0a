# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Results of runs of tests, in TAP, added up.

# Of all runs.
passed=0
failed=0
# Of each test that failed: its run, its name, and why, as far as one line says it.
failures=()

# count TITLE: shows a run's lines, its standard input, as they come and counts its
# results; says that it is still at work when no line comes. The last line is `exit
# status N after` and how long the run took. A run that fails in any other way than by a
# test, or that has no tests, counts as one failure.
count() {
	local title=$1 line part='' got ok=0 not_ok=0 plan='' status='' took='0 s'
	local waited=$SECONDS reason
	local -a said=()
	while true; do
		got=0
		IFS= read -rt 20 line || got=$?
		if [ "$got" -gt 128 ]; then
			# A part of a line may have come.
			part+=$line
			printf '# ... %d s\n' $((SECONDS - waited))
			continue
		fi
		[ "$got" = 0 ] || break
		line=$part$line
		part=
		case $line in
		'ok '*)
			ok=$((ok + 1))
			said=()
			;;
		'not ok '*)
			not_ok=$((not_ok + 1))
			reason=$(why "${said[@]}")
			failures+=("$title" "$(name_of "$line")" "$reason")
			said=()
			;;
		1..*) plan=${line#1..} ;;
		'exit status '*)
			read -r _ _ status _ took <<<"$line"
			break
			;;
		'# ') ;;
		*) said+=("${line#'# '}") ;;
		esac
		printf '%s\n' "$line"
	done
	if [ $((ok + not_ok)) = 0 ]; then
		complain 'no test ran'
	elif [ -z "$plan" ]; then
		complain "$((ok + not_ok)) tests ran, and no plan says of how many"
	elif [ "$plan" != $((ok + not_ok)) ]; then
		complain "$((ok + not_ok)) tests ran of $plan"
	elif [ "$status" != 0 ] && [ "$not_ok" = 0 ]; then
		complain "ended with status ${status:-unknown}"
	fi
	passed=$((passed + ok))
	failed=$((failed + not_ok))
	printf '# %s: %d ok, %d not ok, in %s\n' \
		"$title" "$ok" "$not_ok" "$took"
}

complain() {
	local last=''
	# What it said after its last test may tell more.
	[ ${#said[@]} = 0 ] || last=${said[-1]}
	printf 'not ok - %s: %s\n' "$title" "$1"
	failures+=("$title" '' "$1${last:+; it said last: $last}")
	not_ok=$((not_ok + 1))
}

# name_of LINE: the test's name in a line "not ok N - NAME: title # comment".
name_of() {
	local name=${1#not ok }
	name=${name#*- }
	name=${name%% # *}
	printf '%s\n' "${name%%: *}"
}

# why LINE...: of what a test said before it failed, the line that names the reason: an
# exception, a check, or the first one.
why() {
	local line found='' tells='^Check failed|^Expected exception|panicked at|EXPECTATION FAILED'
	tells+='|(^|[ :])(error|warning)(\[[A-Z0-9]+\])?: '
	for line; do
		line=${line#*Exception| }
		if [[ $line =~ ^[A-Za-z_.]*(Error|Died|TimedOut|Exception|Expired):\ ?.+ ]]; then
			found=$line
			break
		elif [ -z "$found" ] && [[ $line =~ $tells ]]; then
			found=$line
		fi
	done
	[ -n "$found" ] || for line; do
		case $line in
		'Check| '* | '...'* | '') ;;
		*)
			found=$line
			break
			;;
		esac
	done
	printf '%.160s\n' "${found:-it said nothing}"
}
