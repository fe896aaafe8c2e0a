/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MUENSIM_H
#define MUENSIM_H

#include <linux/types.h>

#define LINES_MAX	64

/* events.c */
void muensim_rung(unsigned int index);

/* doorbells.c */
int muensim_doorbells_init(unsigned int lines, bool needed);
void muensim_doorbells_exit(void);
void muensim_ring(unsigned int machine, unsigned int index);

#endif
