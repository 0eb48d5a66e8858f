"""What happens to a lease, each step atomic in Redis.

A lease is a key that Redis itself lets expire, so that no client's clock matters. Its term is the value that the
role's fencing counter got when it was won: it only grows, and a write that carries an older one is refused.
Scripts touch only the keys they are given; results are arrays of integers and texts.
"""

# Prepare a role: its counter exists afterwards, never lower than it was nor than a lease that is held.
# KEYS: 1 counter, 2 lease. ARGV: none.
# Result: {1 when the counter was made now, otherwise 0; the counter's value}.
SEED = """
local made = redis.call('SET', KEYS[1], '0', 'NX') and 1 or 0
local held = redis.call('GET', KEYS[2])
if held then
  local term = cjson.decode(held)['term']
  if term > tonumber(redis.call('GET', KEYS[1])) then
    redis.call('SET', KEYS[1], string.format('%d', term))
  end
end
return {made, tonumber(redis.call('GET', KEYS[1]))}
"""

# Win a lease that nobody holds, be it new, released or expired; the last is a take-over.
# KEYS: 1 counter, 2 lease. ARGV: 1 owner, 2 duration in ms.
# Result: {1 when won, 0 when somebody holds it (or the role was never seeded); the holder's term (0 when never
# seeded); the holder's name}.
ACQUIRE = """
if redis.call('EXISTS', KEYS[1]) == 0 then
  return {0, 0, ''}
end
local held = redis.call('GET', KEYS[2])
if held then
  local lease = cjson.decode(held)
  return {0, lease['term'], lease['owner']}
end
local term = redis.call('INCR', KEYS[1])
local now = redis.call('TIME')
local lease = {
  owner = ARGV[1],
  term = term,
  acquired_at_ms = tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000),
}
redis.call('SET', KEYS[2], cjson.encode(lease), 'PX', ARGV[2])
return {1, term, ARGV[1]}
"""

# Hold a lease for longer; only its holder can.
# KEYS: 1 lease. ARGV: 1 owner, 2 term, 3 duration in ms from now.
# Result: {1 when it is held on, 0 when it is not this owner's with this term}.
RENEW = """
local held = redis.call('GET', KEYS[1])
if not held then
  return {0}
end
local lease = cjson.decode(held)
if lease['owner'] ~= ARGV[1] or lease['term'] ~= tonumber(ARGV[2]) then
  return {0}
end
return {redis.call('PEXPIRE', KEYS[1], ARGV[3])}
"""

# Give a lease back; only its holder can.
# KEYS: 1 lease. ARGV: 1 owner, 2 term.
# Result: {1 when it is free now, 0 when it is not this owner's with this term}.
RELEASE = """
local held = redis.call('GET', KEYS[1])
if not held then
  return {0}
end
local lease = cjson.decode(held)
if lease['owner'] ~= ARGV[1] or lease['term'] ~= tonumber(ARGV[2]) then
  return {0}
end
return {redis.call('DEL', KEYS[1])}
"""

# Write a value on behalf of a term; refused once a newer term was given.
# KEYS: 1 counter, 2 what to write. ARGV: 1 term, 2 value, 3 how long the value lives in ms.
# Result: {1 when written, 0 when the term is not the newest}.
FENCED_SET = """
local newest = redis.call('GET', KEYS[1])
if not newest or tonumber(newest) ~= tonumber(ARGV[1]) then
  return {0}
end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return {1}
"""

ALL = {"seed": SEED, "acquire": ACQUIRE, "renew": RENEW, "release": RELEASE, "fenced set": FENCED_SET}
