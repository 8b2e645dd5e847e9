/*
 * weft/walk.h - a walk over a directory tree, serial or on many tasks.
 */
#ifndef WEFT_WALK_H
#define WEFT_WALK_H

#include <weft/base.h>

#endif /* WEFT_WALK_H */
