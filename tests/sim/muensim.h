/* SPDX-License-Identifier: GPL-2.0 */
#ifndef MUENSIM_H
#define MUENSIM_H

#include <linux/types.h>

#define LINES_MAX	64

struct dentry;

/* events.c */
void muensim_hypercall(unsigned long number);

/* vmcall.c, hvc.c: what calls muensim_hypercall() */
int muensim_hypercall_init(void);
void muensim_hypercall_exit(void);

/* el2.S: code for EL2, which does not depend on its address, its data, and its entry to EL1 */
extern const char muensim_el2[];
extern const char muensim_el2_entry[];
extern const char muensim_el2_end[];
extern const char muensim_entry[];

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
