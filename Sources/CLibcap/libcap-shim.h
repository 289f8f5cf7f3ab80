// The same feature macros as CLinux, before any include: clang refuses two shapes of one C type.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <sys/capability.h>
