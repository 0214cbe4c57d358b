/* What of this process is in memory. Any thread. */
#ifndef COUNTERSIGN_RESIDENT_H
#define COUNTERSIGN_RESIDENT_H

/* Lets go of the pages of the program's and its libraries' files that nothing was written to: a start uses many of them once
 * (to bind symbols, to read configurations, to draw on libraries' tables). Those that are used again come back by themselves,
 * mostly from what the kernel keeps of files. Does nothing where memory is locked. */
void resident_let_go_of_files(void);

/* Likewise, and gives what was freed back to the kernel (malloc_trim(3)). Takes up to some milliseconds, for which other threads'
 * allocations may wait. */
void resident_let_go(void);

#endif
