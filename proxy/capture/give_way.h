/* How the recorder lets others have the processor in the middle of its work: requests go first while it is not behind. Each thread
 * gives way on its own account; none does until it says so. */
#ifndef COUNTERSIGN_CAPTURE_GIVE_WAY_H
#define COUNTERSIGN_CAPTURE_GIVE_WAY_H

#include <stdbool.h>

/* From now on this thread gives way whenever `is_calm(context)` is true then. `context` is borrowed. */
void give_way_while(bool (*is_calm)(const void *context), const void *context);

/* Others may use the processor where this thread gives way and has had it for a while. Costs a look at the clock. */
void give_way(void);

/* SQLite gives way before each page that it writes: it writes a whole transaction in one call. Changes SQLite's Unix VFS for the
 * whole process (sqlite.org/c3ref/vfs.html: xSetSystemCall); to be called while no other thread uses SQLite. Where SQLite has no
 * such VFS, nothing changes. */
void give_way_between_pages(void);

#endif
