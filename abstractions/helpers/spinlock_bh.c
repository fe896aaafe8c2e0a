// SPDX-License-Identifier: GPL-2.0
/* Spinlocks that disable softirqs or interrupts. */
#include <linux/bottom_half.h>
#include <linux/spinlock.h>

#include "helpers.h"

void muennet_spin_lock_bh(spinlock_t *lock)
{
	spin_lock_bh(lock);
}

bool muennet_spin_trylock_bh(spinlock_t *lock)
{
	return spin_trylock_bh(lock);
}

void muennet_spin_unlock_bh(spinlock_t *lock)
{
	spin_unlock_bh(lock);
}

void muennet_raw_spin_lock_init(raw_spinlock_t *lock, const char *name,
				struct lock_class_key *key)
{
#ifdef CONFIG_DEBUG_SPINLOCK
	__raw_spin_lock_init(lock, name, key, LD_WAIT_SPIN);
#else
	raw_spin_lock_init(lock);
#endif
}

unsigned long muennet_raw_spin_lock_irqsave(raw_spinlock_t *lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(lock, flags);
	return flags;
}

bool muennet_raw_spin_trylock_irqsave(raw_spinlock_t *lock,
				      unsigned long *flags)
{
	return raw_spin_trylock_irqsave(lock, *flags);
}

void muennet_raw_spin_unlock_irqrestore(raw_spinlock_t *lock,
					unsigned long flags)
{
	raw_spin_unlock_irqrestore(lock, flags);
}

void muennet_raw_spin_assert_is_held(raw_spinlock_t *lock)
{
	lockdep_assert_held(lock);
}
