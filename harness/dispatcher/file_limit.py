"""Connections are open files, and many systems allow a process 1 024 of them by default."""

__all__ = ["allow_connections"]

_REST = 256
"""Files that the rest of the process may want."""


def allow_connections(count: int) -> int:
    """Raise the process's own limit for `count` connections; how many it allows now."""
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return count
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + _REST
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return count if soft == resource.RLIM_INFINITY else min(count, soft - _REST)
