"""The gateway's spool: what it has taken is on stable storage, and stays there until it is delivered.

    spool.append(events)         on disk when it returns; only then may the device hear that they were taken
    spool.take(limit)            what to send next, oldest first
    spool.delivered(positions)   the broker has acknowledged them: let go
    spool.give_back()            the uplink broke: what was taken and not delivered waits again

Any thread may call any of these; what several append at about the same time shares a commit.

Segments are SQLite files in WAL mode with `synchronous=FULL`: a commit is one transaction and one sync of the log for
each class in it, so kill -9 and power loss take nothing that `append` has returned for, and at most repeat what was
delivered just before. Each row has a checksum; a damaged file costs what is in it and keeps nobody from working.

The spool is bounded by bytes, telemetry also by age. Telemetry makes room, oldest first, and a `gap_detected` takes its
place: in order, under the identity of the last event that it stands for, until it is delivered itself. So it is known
exactly what may be missing; what was dropped while its delivery report was on its way is declared too, and is there.
Traceability is never dropped: when there is no room for it `append` refuses it, and says so in `status`.

    spool            Spool: threads, identities, what was taken and not delivered
    group_commit     one commit for several callers
    room             who gets room: what is pushed out, what is refused
    store            both classes: positions, what was taken last of each source
    chain            the segments of one class
    segment(_file)   one file
    directory        the lock, the version, what is carried over from version 1
"""

from edge.spool.errors import NotTaken
from edge.spool.limits import SpoolLimits, SpoolStatus
from edge.spool.spool import Spool, Waiting

__all__ = ["NotTaken", "Spool", "SpoolLimits", "SpoolStatus", "Waiting"]
