"""What all scripts of `record_scripts` begin with: reading a record and its hold, and writing both.

@KIND@, @PREFIX@, @HOLD@, @COUNTER@ and @PAUSE@ stand for what is the same in every script of one kind of records.
"""

COMMON = """
local kind, prefix = '@KIND@', '@PREFIX@'
-- Which of the keys the record that is looked at lies at.
local here = 1
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

-- Some values in one text, which clients read faster than a list; only the last may have line breaks.
local function said(...)
  return table.concat({...}, '\\n')
end

-- The same in one line, which they read faster still; none may have control characters.
local function refused(...)
  return redis.status_reply(table.concat({...}, '\\t'))
end

local function hold_of(place)
  return '@HOLD@' .. KEYS[place]
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
    if not sign or tonumber(hours) > 14 or tonumber(minutes) > 59 then return nil end
    shift = (hours * 60 + minutes) * (sign == '+' and 60 or -60)
  end
  local days = days_of(tonumber(year), tonumber(month), tonumber(day))
  local same_year, same_month, same_day = date_of(days)
  if same_year ~= tonumber(year) or same_month ~= tonumber(month) or same_day ~= tonumber(day)
    or tonumber(hour) > 23 or tonumber(minute) > 59 or tonumber(second) > 59 then
    return nil
  end
  local seconds = days * 86400 + hour * 3600 + minute * 60 + second - shift
  return seconds * 1000 + math.floor((tonumber('0' .. (fraction or '')) or 0) * 1000)
end

-- What lies at a key: false when there is nothing, and no record when it is no text.
local function text_of(key)
  local found = redis.pcall('GET', key)
  return type(found) == 'table' and '(a ' .. redis.call('TYPE', key).ok .. ')' or found
end

-- Whether a text is UTF-8 of at most so many characters, none of them a control character.
local function plain(text, most)
  for _, wrong in ipairs({'%c', '\\194[\\128-\\159]', '\\224[\\128-\\159]', '\\237[\\160-\\191]',
    '\\240[\\128-\\143]', '\\244[\\144-\\191]'}) do
    if string.find(text, wrong) then return false end
  end
  local follows = '[\\128-\\191]'
  for count, first in ipairs({'[\\194-\\223]', '[\\224-\\239]', '[\\240-\\244]'}) do
    text = string.gsub(text, first .. string.rep(follows, count), ' ')
  end
  return #text <= most and not string.find(text, '[\\128-\\255]')
end

-- Whether a number is whole, not below 0 nor above the greatest, and written in full.
local function whole(text, name, value, most)
  return value >= 0 and value <= most and value == math.floor(value)
    and string.find(text, '"' .. name .. '"%s*:%s*' .. string.format('%.0f', value) .. '%s*[,}]')
end

-- Whether a record lies where its ids say.
local function at_home(record)
  if kind == 'session' then return KEYS[here] == prefix .. record.PlaySessionId end
  local key = prefix .. record.LiveStreamId .. ':'
  return KEYS[here] == key .. record.SessionId or KEYS[here] == key .. (record.PlaySessionId or '')
end

-- A record, or nil and what is wrong with it; `new` when it has no lease yet.
local function decode(text, new)
  -- The greatest number, or the most characters.
  local FIELDS = {
    session = {
      PlaySessionId = {'string', 256}, OwnerPod = {'string', 256}, LeaseExpiresUtc = {'string', 4096},
      ManifestPath = {'string', 4096}, SegmentPathPrefix = {'string', 4096}, MediaSourceId = {'string', 256},
      LastCompletedSegmentIndex = {'number', 2147483647}, LastDurablePlaybackOffset = {'number', 9007199254740992},
      LeaseExpiresUnixTimeMilliseconds = {'number', 9007199254740992},
    },
    stream = {
      LiveStreamId = {'string', 256}, SessionId = {'string', 256}, PlaySessionId = {'string', 256},
      OwnerPod = {'string', 256}, OpenedAtUtc = {'string', 4096},
    },
  }
  local NEEDED = {session = {'PlaySessionId', 'OwnerPod'}, stream = {'LiveStreamId', 'SessionId', 'OwnerPod'}}
  local ok, record = pcall(cjson.decode, text)
  if not ok or type(record) ~= 'table' then return nil, 'no JSON object' end
  for name, value in pairs(record) do
    local wanted, most = unpack(FIELDS[kind][name] or {})
    if not wanted then return nil, 'unknown field ' .. tostring(name) end
    if value == cjson.null and wanted == 'string' then
      record[name] = ''
    elseif type(value) ~= wanted then
      return nil, name .. ' is no ' .. wanted
    elseif wanted == 'number' and not whole(text, name, value, most) then
      return nil, string.format('%s is no whole number from 0 to %.0f', name, most)
    elseif wanted == 'string' and not plain(value, most) then
      return nil, name .. ' is no text of at most ' .. most .. ' characters without control characters'
    end
  end
  for _, name in ipairs(NEEDED[kind]) do
    if (record[name] or '') == '' then return nil, 'no ' .. name end
  end
  if not at_home(record) then return nil, 'its ids are not those of its key' end
  if kind == 'session' and not new and not record.LeaseExpiresUnixTimeMilliseconds
    and not ms_of(record.LeaseExpiresUtc or '') then
    return nil, 'no time at which its lease ends'
  end
  if (record.OpenedAtUtc or '') ~= '' and not ms_of(record.OpenedAtUtc) then return nil, 'OpenedAtUtc is no date' end
  return record
end

local function encode(record)
  local parts
  for name, value in pairs(record) do
    if type(value) == 'number' and value >= 1e14 then parts = {} end
  end
  if not parts then return cjson.encode(record) end
  -- cjson would write 1e+14, which no server reads as a whole number.
  for name, value in pairs(record) do
    local shown = type(value) == 'number' and string.format('%.0f', value) or cjson.encode(value)
    parts[#parts + 1] = '"' .. name .. '":' .. shown
  end
  return '{' .. table.concat(parts, ',') .. '}'
end

-- The hold: token, the call that won it, the owner, the SHA-1 of the record, the end of the lease (ms).
local function hold()
  local text = text_of(hold_of(here))
  if not text then return nil end
  local ok, found = pcall(cjson.decode, text)
  return ok and type(found) == 'table' and found or nil
end

-- When the lease of a record ends, in ms of Redis's clock.
local function ends_at(record, found)
  if record.LeaseExpiresUnixTimeMilliseconds then return record.LeaseExpiresUnixTimeMilliseconds end
  if kind == 'stream' and found and found.ends then return found.ends end
  -- A record of the original, whose time is that of its writer's clock: as long as Redis keeps it, it was renewed.
  local left = redis.call('PTTL', KEYS[here])
  if left >= 0 then return now + math.max(left, 1) end
  return kind == 'session' and ms_of(record.LeaseExpiresUtc) or now + 1
end

-- Write both, with SET's further arguments. The hold notes what the record was, so that only one that somebody else has
-- written since is looked at in full again.
local function put(text, found, ...)
  found.seen = redis.sha1hex(text)
  local mark = encode(found)
  for place = 1, #KEYS do
    redis.call('SET', KEYS[place], text, ...)
    redis.call('SET', hold_of(place), mark, ...)
  end
  return text
end

local function write(record, found, lease, retention)
  local ends = now + lease
  found.ends = ends
  if kind == 'session' then
    record.LeaseExpiresUnixTimeMilliseconds = ends
    record.LeaseExpiresUtc = iso(ends)
  end
  return put(encode(record), found, 'PX', retention)
end

local function give(record, lease, retention, call)
  local found = {token = redis.call('INCR', '@COUNTER@'), call = call, owner = record.OwnerPod}
  return said('held', found.token, lease, write(record, found, lease, retention))
end

-- What lies there: text, record, hold; without a text when there is nothing; without a record, but with what is wrong
-- with it in the hold's place, when it is corrupt.
local function look_at(place)
  here = place
  local text = text_of(KEYS[here])
  if not text then return nil end
  local found = hold()
  if found and found.seen == redis.sha1hex(text) then return text, cjson.decode(text), found end
  -- Somebody else has written since: a hold says nothing about the end of that one's lease.
  if found then found.ends = nil end
  local record, wrong = decode(text)
  return text, record, record and found or wrong
end

-- Under two names there may lie two records, when somebody knew one of them only: then the one that is held longer.
local function look()
  local text, record, found = look_at(1)
  if #KEYS < 2 then return text, record, found end
  local other_text, other_record, other_found = look_at(2)
  if not other_text or other_text == text or (text and not record) then
    here = 1
    return text, record, found
  end
  if not text or not other_record then return other_text, other_record, other_found end
  local other_ends = ends_at(other_record, other_found)
  here = 1
  if ends_at(record, found) >= other_ends then return text, record, found end
  here = 2
  return other_text, other_record, other_found
end

-- The record when this owner holds it with this token; otherwise nil and the refusal.
local function owned(owner, token)
  local text, record, found = look()
  if not text then return nil, refused('absent') end
  if not record then return nil, said('corrupt', found) end
  if record.OwnerPod ~= owner or not found or found.owner ~= owner or found.token ~= tonumber(token) then
    return nil, refused('lost', record.OwnerPod)
  end
  return record, found
end

-- Whether the lease was won by this very call, whose answer was lost.
local function answered(record, found, call)
  return found and found.owner == record.OwnerPod and found.call == call
end

-- Why nobody can be given a lease now, or nil.
local function closed()
  if redis.call('EXISTS', '@COUNTER@') == 0 then return refused('unseeded') end
  local pause = redis.call('PTTL', '@PAUSE@')
  if pause > 0 then return refused('paused', pause) end
  return nil
end
"""
