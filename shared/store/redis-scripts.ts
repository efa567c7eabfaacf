/**
 * Scripts that Redis runs in one step, by its own clock, so that several processes count exactly.
 */

const NOW = `
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/**
 * Takes from all limits or from none, as \`Windows.draw\` does in memory. Each limit is a hash from
 * slice to amount. Arguments for each key: slice and window in ms, slices that count before the
 * running one (0: a calendar period), max, amount. Answers {time, index of the refused or 0, wait
 * or -1, then used and reset of each}.
 */
export const DRAW = `${NOW}
local refused, longest = 0, 0
local found = {}
for i, key in ipairs(KEYS) do
  local a = (i - 1) * 5
  local limit = { slice = tonumber(ARGV[a + 1]), window = tonumber(ARGV[a + 2]),
    before = tonumber(ARGV[a + 3]), max = tonumber(ARGV[a + 4]), amount = tonumber(ARGV[a + 5]),
    used = 0, last = 0, slices = {} }
  local oldest = math.floor(now / limit.slice) - limit.before
  local fields = redis.call('hgetall', key)
  for f = 1, #fields, 2 do
    local slice, amount = tonumber(fields[f]), tonumber(fields[f + 1])
    if slice < oldest then
      redis.call('hdel', key, fields[f])
    else
      limit.used = limit.used + amount
      limit.last = math.max(limit.last, slice)
      table.insert(limit.slices, { slice, amount })
    end
  end
  local over = limit.used + limit.amount - limit.max
  local wait = 0
  if over > 0 and limit.before == 0 then wait = redis.call('pttl', key) end
  if over > 0 and limit.before > 0 then
    table.sort(limit.slices, function(x, y) return x[1] < y[1] end)
    for _, each in ipairs(limit.slices) do
      over = over - each[2]
      wait = (each[1] + limit.before + 1) * limit.slice - now
      if over <= 0 then break end
    end
  end
  if limit.used + limit.amount > limit.max then wait = math.max(1, wait) end
  if limit.amount > limit.max then wait = 9e15 end
  if wait > longest then refused, longest = i, wait end
  found[i] = limit
end
if longest >= 9e15 then longest = -1 end
local answer = { now, refused, longest }
for i, key in ipairs(KEYS) do
  local limit = found[i]
  if refused == 0 then
    local slice = math.floor(now / limit.slice)
    redis.call('hincrby', key, string.format('%d', slice), limit.amount)
    limit.used, limit.last = limit.used + limit.amount, slice
    if limit.before > 0 then
      redis.call('pexpire', key, (limit.before + 1) * limit.slice)
    elseif redis.call('pttl', key) < 0 then
      redis.call('pexpire', key, limit.window)
    end
  end
  table.insert(answer, math.max(0, limit.used))
  if limit.before > 0 then
    table.insert(answer, math.max(0, (limit.last + limit.before + 1) * limit.slice - now))
  else
    table.insert(answer, math.max(0, redis.call('pttl', key)))
  end
end
return answer
`

/** Arguments: slice in ms, slices before, difference, when it was drawn, window in ms. */
export const SETTLE = `${NOW}
local slice, before, difference = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local current = math.floor(now / slice)
local at = math.floor(tonumber(ARGV[4]) / slice)
if at < current - before then
  if difference < 0 then return end
  at = current
end
redis.call('hincrby', KEYS[1], string.format('%d', at), difference)
if redis.call('pttl', KEYS[1]) < 0 then
  redis.call('pexpire', KEYS[1], before > 0 and (before + 1) * slice or tonumber(ARGV[5]))
end
`

/** Arguments: max, lifetime in ms, who. Answers 1 when there was room. */
export const ENTER = `${NOW}
redis.call('zremrangebyscore', KEYS[1], '-inf', now)
if redis.call('zcard', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('zadd', KEYS[1], now + ARGV[2], ARGV[3])
redis.call('pexpire', KEYS[1], ARGV[2])
return 1
`

/** Arguments: lifetime in ms, then who. Answers how many there are. */
export const STAY = `${NOW}
redis.call('zremrangebyscore', KEYS[1], '-inf', now)
for i = 2, #ARGV do redis.call('zadd', KEYS[1], now + ARGV[1], ARGV[i]) end
redis.call('pexpire', KEYS[1], ARGV[1])
return redis.call('zcard', KEYS[1])
`
