// SPDX-License-Identifier: GPL-2.0
/*
 * The parameter empty_timer_us= starts a timer of this period that does nothing, for
 * comparison with the poll timer of the driver.
 */
#include <linux/hrtimer.h>
#include <linux/init.h>
#include <linux/kstrtox.h>
#include <linux/ktime.h>

static unsigned int period_us;
static struct hrtimer empty_timer;

static int __init set_period(char *text)
{
	return kstrtouint(text, 10, &period_us) ? 0 : 1;
}
__setup("empty_timer_us=", set_period);

static enum hrtimer_restart do_nothing(struct hrtimer *timer)
{
	hrtimer_forward_now(timer, us_to_ktime(period_us));
	return HRTIMER_RESTART;
}

static int __init start_empty_timer(void)
{
	if (!period_us)
		return 0;
	hrtimer_setup(&empty_timer, do_nothing, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	hrtimer_start(&empty_timer, us_to_ktime(period_us), HRTIMER_MODE_REL_HARD);
	return 0;
}
late_initcall(start_empty_timer);
