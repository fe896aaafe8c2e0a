// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the five system calls that a user-mode Linux for one processor makes on its
 * host for each expiry of a timer, and nothing else.
 *
 *     timer_calls PERIOD_US
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <time.h>

static void expired(int number)
{
	(void)number;
}

int main(int argc, char **argv)
{
	long nsec = argc > 1 ? atol(argv[1]) * 1000 : 1000000;
	struct itimerspec period = { .it_value.tv_nsec = nsec };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct sigaction action = { .sa_handler = expired, .sa_flags = SA_RESTART };
	struct pollfd signals = { .events = POLLIN };
	sigset_t alarm;
	timer_t timer;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	signals.fd = signalfd(-1, &alarm, SFD_CLOEXEC);
	if (signals.fd < 0 || sigaction(SIGALRM, &action, NULL) ||
	    timer_create(CLOCK_MONOTONIC, &event, &timer))
		return 1;
	for (;;) {
		if (timer_settime(timer, 0, &period, NULL))
			return 1;
		sigprocmask(SIG_BLOCK, &alarm, NULL);
		poll(&signals, 1, -1);
		/* The handler of the pending signal runs, and returns by a system call. */
		sigprocmask(SIG_UNBLOCK, &alarm, NULL);
	}
}
