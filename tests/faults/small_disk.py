"""Small disks to fill: tmpfs in a mount namespace of the test's own, so that nothing stays mounted."""

import ctypes
import fcntl
import os
import pathlib
import struct
import subprocess
import unittest

CLONE_NEWNS = 0x00020000
MS_REC, MS_PRIVATE = 16384, 1 << 18

libc = ctypes.CDLL(None, use_errno=True)
_own_namespace = False


def _check(result, what):
    if result != 0:
        raise unittest.SkipTest(f"{what}: {os.strerror(ctypes.get_errno())}; only root can mount")


def _in_own_namespace():
    global _own_namespace
    if not _own_namespace:
        _check(libc.unshare(CLONE_NEWNS), "unshare")
        _check(libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount")
        _own_namespace = True


def mount(path, size, inodes=0):
    """An empty disk of so many bytes, and files (0: as many as there are), at a folder that is there.
    SkipTest where that is not allowed."""
    _in_own_namespace()
    options = b"size=%d,mode=0700" % size + (b",nr_inodes=%d" % inodes if inodes else b"")
    _check(libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", 0, options), "mount")


def unmount(path):
    libc.umount2(os.fsencode(path), 2)  # MNT_DETACH


class Image:
    """A file system of its own in a file: ext4, which can be made to fail as a kernel finds a disk failing."""

    SHUTDOWN = 0x8004587D  # EXT4_IOC_SHUTDOWN
    WITHOUT_FLUSHING_THE_LOG = 2

    def __init__(self, file, path, size):
        self.file, self.path = file, path
        with open(file, "wb") as image:
            image.truncate(size)
        self._run("mkfs.ext4", "-q", file)
        _in_own_namespace()
        self.mount()

    @staticmethod
    def _run(*argv):
        try:
            return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
        except (OSError, subprocess.CalledProcessError) as error:
            raise unittest.SkipTest(f"{argv}: {getattr(error, 'stderr', error)}") from error

    def mount(self):
        self._run("mount", "-o", "loop,errors=remount-ro", self.file, self.path)
        os.chmod(self.path, 0o700)

    def unmount(self):
        unmount(self.path)

    def turn_read_only(self):
        """As after an error on the disk."""
        device = pathlib.Path(self._run("findmnt", "-n", "-o", "SOURCE", self.path)).name
        trigger = pathlib.Path("/sys/fs/ext4") / device / "trigger_fs_error"
        if not trigger.exists():
            raise unittest.SkipTest("ext4 cannot be made to find an error here")
        trigger.write_text("1", encoding="ascii")

    def break_down(self):
        """Every access is an I/O error, until it is mounted again."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, self.SHUTDOWN, struct.pack("I", self.WITHOUT_FLUSHING_THE_LOG))
        finally:
            os.close(folder)


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
