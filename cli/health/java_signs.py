"""The texts of Java by which a full disk, a lack of rights and of memory are known, on whatever machine it runs."""

NO_ROOM = ("No space left on device", "ENOSPC", "Disk quota exceeded")
NO_RIGHT = ("Read-only file system", "Permission denied", "Mkdirs failed to create")
NO_MEMORY = ("OutOfMemoryError", "Java heap space", "GC overhead limit exceeded", "Unable to acquire")
