/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MUENSIM_H
#define MUENSIM_H

#include <linux/types.h>

#define LINES_MAX	64

struct dentry;

/* vectors.c: those from the first one on, and how many there are */
extern unsigned int muensim_first;
extern unsigned int muensim_lines;
int muensim_vectors_init(void);
void muensim_vectors_exit(void);
void muensim_vectors_file(struct dentry *folder);
bool muensim_has_line(unsigned long vector);
void muensim_raise(unsigned long vector);
void muensim_rung(unsigned int index);
int muensim_read_cpu(char *text, int *cpu);

/* hold.c */
void muensim_hold_files(struct dentry *folder);
void muensim_hold_exit(void);

/* doorbells.c */
int muensim_doorbells_init(unsigned int lines, bool needed);
void muensim_doorbells_exit(void);
void muensim_ring(unsigned int machine, unsigned int index);

#endif
