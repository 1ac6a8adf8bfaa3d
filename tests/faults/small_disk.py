"""Small disks to fill: tmpfs in a mount namespace of the test's own, so that nothing stays mounted."""

import ctypes
import os
import pathlib
import unittest

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 16384, 1 << 18

libc = ctypes.CDLL(None, use_errno=True)
_own_namespace = False


def _check(result, what):
    if result != 0:
        raise unittest.SkipTest(f"{what}: {os.strerror(ctypes.get_errno())}; only root can mount")


def mount(path, size):
    """An empty disk of so many bytes at a folder that is there; SkipTest where that is not allowed."""
    global _own_namespace
    if not _own_namespace:
        _check(libc.unshare(CLONE_NEWNS), "unshare")
        _check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount")
        _own_namespace = True
    _check(libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", 0, b"size=%d,mode=0700" % size), "mount")


def unmount(path):
    libc.umount2(os.fsencode(path), 2)  # MNT_DETACH


class Filler:
    """What fills a disk to the last byte until it is removed."""

    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "filler"

    def fill(self):
        with open(self.path, "ab", buffering=0) as out:
            size = 1 << 16
            while size:
                try:
                    out.write(b"x" * size)
                except OSError:
                    size //= 2

    def leave(self, size):
        """So many bytes free, about."""
        disk = os.statvfs(self.path.parent)
        with open(self.path, "ab", buffering=0) as out:
            out.write(b"x" * (disk.f_bavail * disk.f_frsize - size))

    def remove(self):
        self.path.unlink(missing_ok=True)
