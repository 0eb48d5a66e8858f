"""What happens to a record (a transcode session, a live stream) and to its lease, each step atomic in Redis.

A record is the forks' JSON, which their servers read and write too. Beside it lies a key of ours, the hold: the fencing
token of whoever got the lease last, from a counter that only grows, and for a live stream, whose record has no place
for it, the end of the lease. Time is Redis's own. Every write that needs a lease names its owner and token.

All scripts begin with `COMMON` for their kind and take the same keys:
KEYS: 1 record; a live stream's may be kept under a second name: 2 record. What else they touch (holds, the counter of
tokens and the pause after a new one) they name themselves, which spares the client a tenth of its time; a cluster of
Redis, where that is not allowed, could not hold all of it in one slot anyway.
ARGV: as each script says. Durations are in ms.
Results: for a lease that is held on, how long it lasts in ms; for one that is given, `held`, token, ms left, record, a
text of as many lines; a refusal otherwise: `corrupt` and what is wrong, likewise, or in one line, with tabs between:
`absent`, or `taken`, ms left, owner, `expired`, owner, `lost`, owner, `unseeded`, or `paused`, ms left.
"""

from .keys import SESSION_COUNTER, SESSION_PREFIX, STREAM_COUNTER, STREAM_PREFIX, fence_key, hold_key, pause_key
from .record_common import COMMON

# Before a script that writes over what is there, and so works also where Redis is full: no lease ends for lack of room.
WHEN_FULL = "#!lua flags=allow-oom"

# Read a record. ARGV: none.
# Result: {} when there is none; {text, what is wrong} when it is corrupt; otherwise {text, how long its lease lasts in
# ms (not above 0 when it has ended), its token or 0}.
READ = """
local text, record, found = look()
if not text then return {} end
if not record then return {text, found} end
return {text, ends_at(record, found) - now, found and found.owner == record.OwnerPod and found.token or 0}
"""

# Make a record and win its lease, where there is none. ARGV: 1 lease, 2 retention, 3 the call's name (the same call
# asked once more gets the same answer), 4 record.
CREATE = """
local text, record, found = look()
if text then
  if not record then return said('corrupt', found) end
  local left = ends_at(record, found) - now
  if left > 0 and answered(record, found, ARGV[3]) then return said('held', found.token, left, text) end
  if left <= 0 then return refused('expired', record.OwnerPod) end
  return refused('taken', left, record.OwnerPod)
end
local refusal = closed()
if refusal then return refusal end
local record, wrong = decode(ARGV[4], true)
if not record then return redis.error_reply('ERR the record to write is none: ' .. wrong) end
if kind == 'stream' and (record.OpenedAtUtc or '') == '' then record.OpenedAtUtc = iso(now) end
return give(record, ARGV[1], ARGV[2], ARGV[3])
"""

# Win the lease of a record whose lease has ended; nobody else can win the same one. ARGV: 1 lease, 2 retention, 3 the
# call's name (as with CREATE), 4 owner. The record is otherwise left as it was.
TAKE_OVER = """
local text, record, found = look()
if not text then return refused('absent') end
if not record then return said('corrupt', found) end
local left = ends_at(record, found) - now
if left > 0 and answered(record, found, ARGV[3]) then return said('held', found.token, left, text) end
if left > 0 then return refused('taken', left, record.OwnerPod) end
local refusal = closed()
if refusal then return refusal end
record.OwnerPod = ARGV[4]
return give(record, ARGV[1], ARGV[2], ARGV[3])
"""

# Hold a lease for longer, while it lasts. ARGV: 1 lease, 2 retention, 3 owner, 4 token.
RENEW = """
local record, found = owned(ARGV[3], ARGV[4])
if not record then return found end
if ends_at(record, found) <= now then return refused('expired', record.OwnerPod) end
write(record, found, ARGV[1], ARGV[2])
return tonumber(ARGV[1])
"""

# Write a record anew and hold its lease for longer, while it lasts. ARGV: 1 lease, 2 retention, 3 owner, 4 token,
# 5 record.
SET = """
local record, found = owned(ARGV[3], ARGV[4])
if not record then return found end
if ends_at(record, found) <= now then return refused('expired', record.OwnerPod) end
local changed, wrong = decode(ARGV[5], true)
if not changed then return redis.error_reply('ERR the record to write is none: ' .. wrong) end
if kind == 'stream' and (changed.OpenedAtUtc or '') == '' then changed.OpenedAtUtc = record.OpenedAtUtc end
write(changed, found, ARGV[1], ARGV[2])
return tonumber(ARGV[1])
"""

# Tell how far a transcode has come; neither number ever goes back, and the lease ends when it did. Also after the lease
# has ended, until somebody else takes over. ARGV: 1 owner, 2 token, 3 segment, 4 offset, 5 manifest, 6 prefix (empty:
# as they are).
PROGRESS = """
local record, found = owned(ARGV[1], ARGV[2])
if not record then return found end
record.LastCompletedSegmentIndex = math.max(record.LastCompletedSegmentIndex or 0, tonumber(ARGV[3]))
record.LastDurablePlaybackOffset = math.max(record.LastDurablePlaybackOffset or 0, tonumber(ARGV[4]))
if ARGV[5] ~= '' then record.ManifestPath = ARGV[5] end
if ARGV[6] ~= '' then record.SegmentPathPrefix = ARGV[6] end
put(encode(record), found, 'KEEPTTL')
return math.max(ends_at(record, found) - now, 0)
"""

# Remove a record. ARGV: 1 owner, 2 token. Result when removed: 0.
DELETE = """
local record, found = owned(ARGV[1], ARGV[2])
if not record then return found end
local mine = text_of(KEYS[here])
for place = 1, #KEYS do
  local text = text_of(KEYS[place])
  if text == mine or text and redis.sha1hex(text) == found.seen then redis.call('DEL', KEYS[place], hold_of(place)) end
end
return 0
"""

# Remove a record, whoever holds it, if it is still the one that was seen. ARGV: 1 the record as it was read.
# Result: 1 when removed, otherwise 0.
DROP = """
local removed = 0
for place = 1, #KEYS do
  if text_of(KEYS[place]) == ARGV[1] then
    redis.call('DEL', KEYS[place], hold_of(place))
    removed = 1
  end
end
return removed
"""


class RecordScripts:
    """All scripts for one kind of records.

    Args:
        kind: `session` or `stream`.
        prefix: what the keys of records begin with.
        counter: of tokens.
    """

    def __init__(self, kind: str, prefix: str, counter: str) -> None:
        names = {"KIND": kind, "PREFIX": prefix, "HOLD": hold_key("")}
        names |= {"COUNTER": fence_key(counter), "PAUSE": pause_key(counter)}
        common = COMMON
        for name, value in names.items():
            common = common.replace(f"@{name}@", value)
        self.read = common + READ
        self.create = common + CREATE
        self.take_over = WHEN_FULL + common + TAKE_OVER
        self.renew = WHEN_FULL + common + RENEW
        self.set = common + SET
        self.progress = WHEN_FULL + common + PROGRESS
        self.delete = common + DELETE
        self.drop = common + DROP

    def all(self) -> tuple[str, ...]:
        """Every one, such as to keep them all in Redis's cache."""
        return tuple(vars(self).values())


SESSION = RecordScripts("session", SESSION_PREFIX, SESSION_COUNTER)
STREAM = RecordScripts("stream", STREAM_PREFIX, STREAM_COUNTER)
