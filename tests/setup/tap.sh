# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Counts the results of test runs in TAP.

# The totals of all runs.
passed=0
failed=0
# For each failed test: the title of its run, its name, and the reason in one line.
failures=()

# count TITLE: prints the lines of a run on standard input and counts its results. While
# no line comes, it prints the waiting time. The last line of a run is `exit status N after`
# and its duration. A run that fails without a failed test, or that has no tests, counts as
# one failure.
count() {
	local title=$1 line part='' got ok=0 not_ok=0 plan='' status='' took='0 s'
	local started=$SECONDS reason
	local -a output=()
	while true; do
		got=0
		IFS= read -rt 20 line || got=$?
		if [ "$got" -gt 128 ]; then
			# read may have read a part of a line.
			part+=$line
			printf '# ... %d s\n' $((SECONDS - started))
			continue
		fi
		[ "$got" = 0 ] || break
		line=$part$line
		part=
		case $line in
		'ok '*)
			ok=$((ok + 1))
			output=()
			;;
		'not ok '*)
			not_ok=$((not_ok + 1))
			reason=$(failure_reason "${output[@]}")
			failures+=("$title" "$(test_name "$line")" "$reason")
			output=()
			;;
		1..*) plan=${line#1..} ;;
		'exit status '*)
			read -r _ _ status _ took <<<"$line"
			break
			;;
		'# ') ;;
		*) output+=("${line#'# '}") ;;
		esac
		printf '%s\n' "$line"
	done
	if [ $((ok + not_ok)) = 0 ]; then
		fail_run 'no test ran'
	elif [ -z "$plan" ]; then
		fail_run "$((ok + not_ok)) tests ran without a plan"
	elif [ "$plan" != $((ok + not_ok)) ]; then
		fail_run "$((ok + not_ok)) of $plan tests ran"
	elif [ "$status" != 0 ] && [ "$not_ok" = 0 ]; then
		fail_run "exit status ${status:-unknown}"
	fi
	passed=$((passed + ok))
	failed=$((failed + not_ok))
	printf '# %s: %d ok, %d not ok, in %s\n' \
		"$title" "$ok" "$not_ok" "$took"
}

# fail_run REASON: counts one failure of the run itself. Called by count.
fail_run() {
	local last=''
	# The last line after the last test often contains the cause.
	[ ${#output[@]} = 0 ] || last=${output[-1]}
	printf 'not ok - %s: %s\n' "$title" "$1"
	failures+=("$title" '' "$1${last:+; last line: $last}")
	not_ok=$((not_ok + 1))
}

# test_name LINE: prints the test's name in a line "not ok N - NAME: title # comment".
test_name() {
	local name=${1#not ok }
	name=${name#*- }
	name=${name%% # *}
	printf '%s\n' "${name%%: *}"
}

# failure_reason LINE...: prints the line of a failed test's output that has the reason: an
# exception, a check, or the first line.
failure_reason() {
	local line found=''
	local pattern='^Check failed|^Expected exception|panicked at|EXPECTATION FAILED'
	pattern+='|(^|[ :])(error|warning)(\[[A-Z0-9]+\])?: '
	for line; do
		line=${line#*Exception| }
		if [[ $line =~ ^[A-Za-z_.]*(Error|Died|TimedOut|Exception|Expired):\ ?.+ ]]; then
			found=$line
			break
		elif [ -z "$found" ] && [[ $line =~ $pattern ]]; then
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
	printf '%.160s\n' "${found:-no output}"
}
