"""What happens to a lease, each step atomic in Redis.

A lease is a key that Redis itself lets expire, so that no client's clock matters. Its term is the value that the
role's fencing counter got when it was won: it only grows, and a write that carries an older one is refused.
Scripts touch only the keys they are given; results are arrays of integers and texts.
"""

# Prepare a counter: it exists afterwards, never lower than it was nor than a lease that is held. One that is new starts
# at Redis's time in ms, so that tokens grow also when Redis has lost its data, as long as its clock does not go back by
# more than was lost and no more than 1000 leases a second are given. Whoever held a lease before the loss may still
# think so: nobody is given one with this counter for a pause.
# KEYS: 1 counter, 2 lease, 3 pause. ARGV: 1 how long the pause lasts in ms, 0 for none; a longer one is left as it is.
# Result: {1 when the counter was made now, otherwise 0; the counter's value}.
SEED = """
local clock = redis.call('TIME')
local floor = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))
local made = redis.call('SET', KEYS[1], floor, 'NX') and 1 or 0
local held = redis.call('GET', KEYS[2])
if held then
  local term = cjson.decode(held)['term']
  if term > tonumber(redis.call('GET', KEYS[1])) then
    redis.call('SET', KEYS[1], string.format('%.0f', term))
  end
end
local pause = tonumber(ARGV[1])
if made == 1 and pause > 0 and pause > redis.call('PTTL', KEYS[3]) then
  redis.call('SET', KEYS[3], '1', 'PX', ARGV[1])
end
return {made, tonumber(redis.call('GET', KEYS[1]))}
"""

# How a lease is given: used by the scripts below. A Redis that is full must still be able to have a leader, whose lease
# takes no more room than the one before.
_GIVE = """#!lua flags=allow-oom
local function give(owner, duration, call)
  local term = redis.call('INCR', KEYS[1])
  local now = redis.call('TIME')
  local lease = {
    owner = owner,
    term = term,
    acquired_at_ms = now[1] * 1000 + math.floor(now[2] / 1000),
    call = call,
  }
  redis.call('SET', KEYS[2], cjson.encode(lease), 'PX', duration)
  return {1, term, owner, tonumber(duration)}
end

-- The lease that lies there; one that cannot be read is nobody's, and nobody can win it while it lives.
local function held()
  local text = redis.call('GET', KEYS[2])
  if not text then return nil end
  local ok, lease = pcall(cjson.decode, text)
  if ok and type(lease) == 'table' and type(lease['owner']) == 'string' and type(lease['term']) == 'number' then
    return lease
  end
  return {owner = '', term = tonumber(redis.call('GET', KEYS[1]))}
end
"""

# Win a lease that nobody holds, be it new, released or expired; the last is a take-over.
# KEYS: 1 counter, 2 lease, 3 pause. ARGV: 1 owner, 2 duration in ms, 3 the call's name (the same call asked once more
# gets the same answer).
# Result: {1 when won, otherwise 0; the holder's term (0 when the role was never seeded); the holder's name (empty when
# there is none); for how long nobody else can win it, in ms}.
ACQUIRE = (
    _GIVE
    + """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {0, 0, '', 0}
end
local lease = held()
if lease then
  local left = redis.call('PTTL', KEYS[2])
  return {lease['call'] == ARGV[3] and lease['owner'] == ARGV[1] and 1 or 0, lease['term'], lease['owner'], left}
end
local pause = redis.call('PTTL', KEYS[3])
if pause > 0 then
  return {0, tonumber(redis.call('GET', KEYS[1])), '', pause}
end
return give(ARGV[1], ARGV[2], ARGV[3])
"""
)

# Win a lease from a holder that is known to be gone, before it has expired: by its term, so that of several who try
# exactly one wins, and none a lease that was given meanwhile.
# KEYS, ARGV and result: as ACQUIRE's; ARGV: 4 the term that shall end.
DEPOSE = (
    _GIVE
    + """
local newest = tonumber(redis.call('GET', KEYS[1]) or 0)
local lease = held()
if lease and lease['call'] == ARGV[3] and lease['owner'] == ARGV[1] then
  return {1, lease['term'], lease['owner'], redis.call('PTTL', KEYS[2])}
end
local left = lease and redis.call('PTTL', KEYS[2]) or 0
local pause = redis.call('PTTL', KEYS[3])
if newest == 0 or newest ~= tonumber(ARGV[4]) or pause > 0 then
  return {0, newest, lease and lease['owner'] or '', math.max(left, pause, 0)}
end
return give(ARGV[1], ARGV[2], ARGV[3])
"""
)

# Hold a lease for longer; only its holder can.
# KEYS: 1 lease. ARGV: 1 owner, 2 term, 3 duration in ms from now.
# Result: 1 when it is held on, 0 when it is not this owner's with this term.
RENEW = """
local held = redis.call('GET', KEYS[1])
if not held then
  return 0
end
local lease = cjson.decode(held)
if lease['owner'] ~= ARGV[1] or lease['term'] ~= tonumber(ARGV[2]) then
  return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[3])
"""

# Give a lease back; only its holder can.
# KEYS: 1 lease. ARGV: 1 owner, 2 term.
# Result: 1 when it is free now, 0 when it is not this owner's with this term.
RELEASE = """
local held = redis.call('GET', KEYS[1])
if not held then
  return 0
end
local lease = cjson.decode(held)
if lease['owner'] ~= ARGV[1] or lease['term'] ~= tonumber(ARGV[2]) then
  return 0
end
return redis.call('DEL', KEYS[1])
"""

# Write a value on behalf of a term; refused once a newer term was given.
# KEYS: 1 counter, 2 what to write. ARGV: 1 term, 2 value, 3 how long the value lives in ms.
# Result: 1 when written, 0 when the term is not the newest.
FENCED_SET = """
local newest = redis.call('GET', KEYS[1])
if not newest or tonumber(newest) ~= tonumber(ARGV[1]) then
  return 0
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1
"""

ALL = {"seed": SEED, "acquire": ACQUIRE, "depose": DEPOSE, "renew": RENEW, "release": RELEASE, "fenced set": FENCED_SET}
