"""What happens to a record (a transcode session, a live stream) and to its lease, each step atomic in Redis.

A record is the forks' JSON, which their servers read and write too. Beside it lies a key of ours, the hold: the fencing
token of whoever got the lease last, from a counter that only grows, and for a live stream, whose record has no place
for it, the end of the lease. Time is Redis's own. Every write that needs a lease names its owner and token.

All scripts begin with `COMMON` and take the same keys:
KEYS: 1 counter of tokens, 2 pause after a new counter, 3 record, 4 its hold; a live stream's may be kept under a second
name: 5 record, 6 hold.
ARGV: 1 `session` or `stream`, 2 the id that the record must carry (empty: any), then as each script says. Durations are
in ms.
Results are arrays of a word and what belongs to it: {'held', token, record, ms left} when done; otherwise a refusal:
{'absent'}, {'corrupt', what is wrong}, {'taken', owner, ms left}, {'expired'}, {'lost', owner}, {'unseeded'},
{'paused', ms left}.
"""

COMMON = """
local kind, id = ARGV[1], ARGV[2]
local FIELDS = {
  session = {
    PlaySessionId = 'string', OwnerPod = 'string', LeaseExpiresUtc = 'string', ManifestPath = 'string',
    SegmentPathPrefix = 'string', MediaSourceId = 'string', LastCompletedSegmentIndex = 'number',
    LastDurablePlaybackOffset = 'number', LeaseExpiresUnixTimeMilliseconds = 'number',
  },
  stream = {
    LiveStreamId = 'string', SessionId = 'string', PlaySessionId = 'string', OwnerPod = 'string',
    OpenedAtUtc = 'string',
  },
}
local ID = {session = 'PlaySessionId', stream = 'LiveStreamId'}
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- What lies at a key; another type than a string is as good as no record.
local function text_at(key)
  local text = redis.pcall('GET', key)
  if type(text) ~= 'table' then return text end
  if not string.find(text.err, 'WRONGTYPE', 1, true) then error(text) end
  return ''
end

-- Days since 1970-01-01 of a date of the Gregorian calendar, and back (Howard Hinnant, chrono-compatible algorithms).
local function days_of(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = math.floor(year / 400)
  local of_era = year - era * 400
  local of_year = math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return era * 146097 + of_era * 365 + math.floor(of_era / 4) - math.floor(of_era / 100) + of_year - 719468
end

local function date_of(days)
  local shifted = days + 719468
  local era = math.floor(shifted / 146097)
  local of_era = shifted - era * 146097
  local year = math.floor(
    (of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524) - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * of_year + 2) / 153)
  local day = of_year - math.floor((153 * month + 2) / 5) + 1
  month = month < 10 and month + 3 or month - 9
  return year + era * 400 + (month <= 2 and 1 or 0), month, day
end

local function iso(ms)
  local seconds = math.floor(ms / 1000)
  local days = math.floor(seconds / 86400)
  local rest = seconds - days * 86400
  local year, month, day = date_of(days)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day, math.floor(rest / 3600),
    math.floor(rest / 60) % 60, rest % 60, ms - seconds * 1000)
end

-- What .NET writes; without a zone it is taken for UTC.
local function ms_of(text)
  local year, month, day, hour, minute, second, rest =
    string.match(text, '^(%d%d%d%d)-(%d%d)-(%d%d)T(%d%d):(%d%d):(%d%d)(.*)$')
  if not year then return nil end
  local fraction, zone = string.match(rest, '^(%.%d+)(.*)$')
  zone = zone or rest
  local shift = 0
  if zone ~= '' and zone ~= 'Z' then
    local sign, hours, minutes = string.match(zone, '^([+-])(%d%d):(%d%d)$')
    if not sign then return nil end
    shift = (hours * 60 + minutes) * (sign == '+' and 60 or -60)
  end
  local seconds = days_of(tonumber(year), tonumber(month), tonumber(day)) * 86400
    + hour * 3600 + minute * 60 + second - shift
  return seconds * 1000 + math.floor((tonumber('0' .. (fraction or '')) or 0) * 1000)
end

-- A record, or nil and what is wrong with it; `new` when it has no lease yet.
local function decode(text, new)
  local ok, record = pcall(cjson.decode, text)
  if not ok or type(record) ~= 'table' then return nil, 'no JSON object' end
  for name, value in pairs(record) do
    local wanted = FIELDS[kind][name]
    if not wanted then return nil, 'unknown field ' .. tostring(name) end
    if value == cjson.null and wanted == 'string' then
      record[name] = ''
    elseif type(value) ~= wanted then
      return nil, name .. ' is no ' .. wanted
    elseif wanted == 'number' and (value < 0 or value ~= math.floor(value) or value > 9007199254740992) then
      return nil, name .. ' is no whole number from 0 to 2^53'
    end
  end
  if id ~= '' and record[ID[kind]] ~= id then return nil, ID[kind] .. ' is not that of its key' end
  if (record.OwnerPod or '') == '' then return nil, 'no OwnerPod' end
  if kind == 'session' and not new and not record.LeaseExpiresUnixTimeMilliseconds
    and not ms_of(record.LeaseExpiresUtc or '') then
    return nil, 'no time at which its lease ends'
  end
  return record
end

-- cjson would write 15 digits and more as 1e+15, which no server reads as a whole number.
local function encode(record)
  local parts = {}
  for name, value in pairs(record) do
    local shown = type(value) == 'number' and string.format('%.0f', value) or cjson.encode(value)
    parts[#parts + 1] = '"' .. name .. '":' .. shown
  end
  table.sort(parts)
  return '{' .. table.concat(parts, ',') .. '}'
end

-- The hold: token, the call that won it, the owner, the lease's end (ms of Redis's clock).
local function hold()
  local text = redis.call('GET', KEYS[4])
  if not text then return nil end
  local ok, found = pcall(cjson.decode, text)
  return ok and type(found) == 'table' and found or nil
end

-- When the lease of a record ends, in ms of Redis's clock.
local function ends_at(record)
  if record.LeaseExpiresUnixTimeMilliseconds then return record.LeaseExpiresUnixTimeMilliseconds end
  local found = hold()
  if kind == 'stream' and found and found.owner == record.OwnerPod then return found.ends end
  -- A record of the original, whose time is that of its writer's clock: as long as Redis keeps it, it was renewed.
  local left = redis.call('PTTL', KEYS[3])
  if left >= 0 then return now + math.max(left, 1) end
  return kind == 'session' and ms_of(record.LeaseExpiresUtc) or now + 1
end

local function write(record, lease, retention, token, call)
  lease = tonumber(lease)
  local ends = now + lease
  if kind == 'session' then
    record.LeaseExpiresUnixTimeMilliseconds = ends
    record.LeaseExpiresUtc = iso(ends)
  end
  local text = encode(record)
  local mark = encode({token = token, call = call, owner = record.OwnerPod, ends = ends})
  for place = 3, #KEYS, 2 do
    redis.call('SET', KEYS[place], text, 'PX', retention)
    redis.call('SET', KEYS[place + 1], mark, 'PX', retention)
  end
  return {'held', token, text, lease}
end

-- The record when this owner holds it with this token; otherwise nil and the refusal.
local function owned(owner, token)
  local text = text_at(KEYS[3])
  if not text then return nil, {'absent'} end
  local record, wrong = decode(text)
  if not record then return nil, {'corrupt', wrong} end
  local found = hold()
  if record.OwnerPod ~= owner or not found or found.owner ~= owner or found.token ~= tonumber(token) then
    return nil, {'lost', record.OwnerPod}
  end
  return record, found
end

-- Whether the lease was won by this very call, whose answer was lost.
local function answered(record)
  local found = hold()
  return found and found.owner == record.OwnerPod and found.call == ARGV[5]
end

-- Why nobody can be given a lease now, or nil.
local function closed()
  if redis.call('EXISTS', KEYS[1]) == 0 then return {'unseeded'} end
  local pause = redis.call('PTTL', KEYS[2])
  if pause > 0 then return {'paused', pause} end
  return nil
end
"""

# Read a record. ARGV: none further.
# Result: {} when there is none; {text, what is wrong} when it is corrupt; otherwise {text, how long its lease lasts in
# ms (not above 0 when it has ended), its token or 0}.
READ = (
    COMMON
    + """
local text = text_at(KEYS[3])
if not text then return {} end
local record, wrong = decode(text)
if not record then return {text, wrong} end
local found = hold()
return {text, ends_at(record) - now, found and found.owner == record.OwnerPod and found.token or 0}
"""
)

# Make a record and win its lease, where there is none. ARGV: 3 lease, 4 retention, 5 the call's name (the same call
# asked once more gets the same answer), 6 record.
CREATE = (
    COMMON
    + """
local text = text_at(KEYS[3])
if text then
  local record, wrong = decode(text)
  if not record then return {'corrupt', wrong} end
  local left = ends_at(record) - now
  if left > 0 and answered(record) then return {'held', hold().token, text, left} end
  if left <= 0 then return {'expired', record.OwnerPod} end
  return {'taken', record.OwnerPod, left}
end
local refusal = closed()
if refusal then return refusal end
local record, wrong = decode(ARGV[6], true)
if not record then return redis.error_reply('ERR the record to write is none: ' .. wrong) end
if kind == 'stream' and (record.OpenedAtUtc or '') == '' then record.OpenedAtUtc = iso(now) end
return write(record, ARGV[3], ARGV[4], redis.call('INCR', KEYS[1]), ARGV[5])
"""
)

# Win the lease of a record whose lease has ended; nobody else can win the same one. ARGV: 3 lease, 4 retention, 5 the
# call's name (as with CREATE), 6 owner. The record is otherwise left as it was.
TAKE_OVER = (
    COMMON
    + """
local text = text_at(KEYS[3])
if not text then return {'absent'} end
local record, wrong = decode(text)
if not record then return {'corrupt', wrong} end
local left = ends_at(record) - now
if left > 0 and answered(record) then return {'held', hold().token, text, left} end
if left > 0 then return {'taken', record.OwnerPod, left} end
local refusal = closed()
if refusal then return refusal end
record.OwnerPod = ARGV[6]
return write(record, ARGV[3], ARGV[4], redis.call('INCR', KEYS[1]), ARGV[5])
"""
)

# Hold a lease for longer, while it lasts. ARGV: 3 lease, 4 retention, 5 owner, 6 token.
RENEW = (
    COMMON
    + """
local record, found = owned(ARGV[5], ARGV[6])
if not record then return found end
if ends_at(record) <= now then return {'expired', record.OwnerPod} end
return write(record, ARGV[3], ARGV[4], found.token, found.call)
"""
)

# Write a record anew and hold its lease for longer, while it lasts. ARGV: 3 lease, 4 retention, 5 owner, 6 token,
# 7 record.
SET = (
    COMMON
    + """
local record, found = owned(ARGV[5], ARGV[6])
if not record then return found end
if ends_at(record) <= now then return {'expired', record.OwnerPod} end
local changed, wrong = decode(ARGV[7], true)
if not changed then return redis.error_reply('ERR the record to write is none: ' .. wrong) end
if kind == 'stream' and (changed.OpenedAtUtc or '') == '' then changed.OpenedAtUtc = record.OpenedAtUtc end
return write(changed, ARGV[3], ARGV[4], found.token, found.call)
"""
)

# Tell how far a transcode has come; neither number ever goes back, and the lease ends when it did. Also after the lease
# has ended, until somebody else takes over. ARGV: 3 owner, 4 token, 5 segment, 6 offset, 7 manifest, 8 prefix (empty:
# as they are).
PROGRESS = (
    COMMON
    + """
local record, found = owned(ARGV[3], ARGV[4])
if not record then return found end
record.LastCompletedSegmentIndex = math.max(record.LastCompletedSegmentIndex or 0, tonumber(ARGV[5]))
record.LastDurablePlaybackOffset = math.max(record.LastDurablePlaybackOffset or 0, tonumber(ARGV[6]))
if ARGV[7] ~= '' then record.ManifestPath = ARGV[7] end
if ARGV[8] ~= '' then record.SegmentPathPrefix = ARGV[8] end
local text = encode(record)
redis.call('SET', KEYS[3], text, 'KEEPTTL')
return {'held', found.token, text, ends_at(record) - now}
"""
)

# Remove a record. ARGV: 3 owner, 4 token.
DELETE = (
    COMMON
    + """
local record, found = owned(ARGV[3], ARGV[4])
if not record then return found end
for place = 3, #KEYS do redis.call('DEL', KEYS[place]) end
return {'held', found.token, encode(record), 0}
"""
)

# Remove a record, whoever holds it, if it is still the one that was seen. ARGV: 3 the record as it was read.
# Result: {1 when removed, otherwise 0}.
DROP = (
    COMMON
    + """
if text_at(KEYS[3]) ~= ARGV[3] then return {0} end
for place = 3, #KEYS, 2 do
  if text_at(KEYS[place]) == ARGV[3] then redis.call('DEL', KEYS[place], KEYS[place + 1]) end
end
return {1}
"""
)

ALL = {
    "read": READ,
    "create": CREATE,
    "take over": TAKE_OVER,
    "renew record": RENEW,
    "set": SET,
    "progress": PROGRESS,
    "delete": DELETE,
    "drop": DROP,
}
