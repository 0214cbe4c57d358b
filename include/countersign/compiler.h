/* Compiler attributes with readable names. */
#ifndef COUNTERSIGN_COMPILER_H
#define COUNTERSIGN_COMPILER_H

/* The caller must look at the return value. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* printf-like function: FORMAT is the format's argument number, FIRST the first value's. */
#define PRINTF_LIKE(FORMAT, FIRST) __attribute__((format(printf, FORMAT, FIRST)))

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#endif
