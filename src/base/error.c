/* error.c - names for error numbers, and the version. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "base/base.h"
#include "base/probe.h"

const struct weft__probes *weft__probes;

const char *weft_strerror(int err)
{
	switch (err < 0 ? -err : err) {
	case 0:
		return "success";
	case ENOMEM:
		return "no memory";
	case EAGAIN:
		return "no more threads or resources at the moment";
	case ETIMEDOUT:
		return "deadline passed";
	case ECANCELED:
		return "canceled";
	case EINVAL:
		return "invalid argument";
	case EBADF:
		return "not an open descriptor";
	case EACCES:
		return "permission denied";
	case EPERM:
		return "operation not permitted";
	case ENOENT:
		return "no such file or directory";
	case ENOTDIR:
		return "not a directory";
	case ELOOP:
		return "too many levels of symbolic links";
	case ENAMETOOLONG:
		return "name too long";
	case EMFILE:
		return "too many open descriptors in the process";
	case ENFILE:
		return "too many open descriptors in the system";
	case EIO:
		return "input/output error";
	case EPIPE:
		return "broken pipe";
	case ENOSPC:
		return "no space left on device";
	case EINTR:
		return "interrupted";
	case EBUSY:
		return "busy";
	case ENOSYS:
		return "not supported by this kernel";
	default: {
		const char *text = strerrordesc_np(err < 0 ? -err : err);
		return text != NULL ? text : "unknown error";
	}
	}
}

const char *weft_version(void)
{
	return WEFT__STR(WEFT_VERSION_MAJOR) "." WEFT__STR(WEFT_VERSION_MINOR) "." WEFT__STR(
		WEFT_VERSION_PATCH);
}
