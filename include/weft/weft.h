/* weft/weft.h - all of weft. */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include <weft/base.h>
#include <weft/task.h>
#include <weft/context.h>
#include <weft/mutex.h>
#include <weft/rwmutex.h>
#include <weft/spin.h>
#include <weft/sync.h>
#include <weft/group.h>
#include <weft/flight.h>
#include <weft/chan.h>
#include <weft/select.h>
#include <weft/walk.h>

#endif /* WEFT_WEFT_H */
