/** What Redis carries out in one go. */

/** A key without an end, which only a stranger can have made, would count for ever: it gets one. */
export const ADD = `
local count = redis.call("INCR", KEYS[1])
local left = redis.call("PTTL", KEYS[1])
if left < 0 then
  redis.call("PEXPIRE", KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return { count, left }`;

/**
 * For each key, a hash with what each process last said it uses and until when that holds, by Redis's own clock: those of the processes may
 * be minutes apart. What does not look like that is thrown out.
 */
export const EXCHANGE = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, keepMs, keptMax = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local answer = {}
for at, key in ipairs(KEYS) do
  redis.call("HSET", key, me, string.format("%s %.0f", ARGV[at + 3], now + keepMs))
  redis.call("PEXPIRE", key, keptMax)
  local sum, processes = 0, 0
  local said = redis.call("HGETALL", key)
  for field = 1, #said, 2 do
    if said[field] ~= me then
      local amount, ends = string.match(said[field + 1], "^(%d+) (%d+)$")
      local leftMs = (tonumber(ends) or 0) - now
      if leftMs > 0 and leftMs <= keptMax and #amount <= 12 then
        sum = sum + tonumber(amount)
        processes = processes + 1
      else
        redis.call("HDEL", key, said[field])
      end
    end
  end
  answer[2 * at - 1] = sum
  answer[2 * at] = processes
end
return answer`;
