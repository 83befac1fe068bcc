#!lua name=iso1
--
-- All that Isochrone writes to Redis goes through these functions, so that the
-- rules hold for every writer.  Function names are global in Redis and carry
-- the version: a change of meaning here is a new name (iso2), never a new body.
--
--   FCALL iso1_report 2 {iso}:report:<cluster>:<pool> {iso}:reports
--         cluster pool epoch seq ttl_ms channel [field value]...
--      -> [accepted 1 or 0, epoch, seq, now_ms]       epoch and seq that stand now
--   FCALL iso1_snapshot 2 {iso}:reports {iso}:routers  {iso}:report:
--      -> [now_ms, [member, [field, value, ...], ...], [router, ts_ms, ...]]
--   FCALL iso1_exchange 3 {iso}:router:<name> {iso}:total {iso}:routers
--         name tick_ms {iso}:router: [target in_flight pending pending_tokens]...
--      -> [now_ms, live routers, in_flight, pending, pending_tokens, ...]   of each target sent
--
-- A target is <cluster>:<pool>; counters are kept as one field of three whole
-- numbers, "in_flight pending pending_tokens".  Time is this server's alone.

local FIELDS_MOST = 64
local VALUE_BYTES_MOST = 1024
local REPORT_BYTES_MOST = 8192
local REPORTS_MOST = 1024
local ROUTERS_MOST = 4096
local TARGETS_MOST = 4096
local COUNTER_MOST = 1000000000000
local DAY_MS = 86400000
local HOUR_MS = 3600000
local ROUTER_TTL_MS = 600000
local REBUILD_MS = 60000
local TAKEN_OUT_PER_CALL = 8
local CHUNK = 1000

local own_fields = {cluster = true, pool = true, epoch = true, seq = true, ts_ms = true, ttl_ms = true}

local function text_of(number)
  return string.format('%.0f', number)
end

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function is_name(text)
  return type(text) == 'string' and #text <= 64 and string.find(text, '^[a-z0-9._-]+$') ~= nil
end

local function is_target(text)
  local cluster, pool = string.match(text or '', '^([^:]+):([^:]+)$')
  return is_name(cluster) and is_name(pool)
end

local function whole(text, low, high)
  if type(text) ~= 'string' or #text > 15 or not string.find(text, '^%d+$') then
    return nil
  end
  local number = tonumber(text)
  if number < low or number > high then
    return nil
  end
  return number
end

-- A key of the wrong type or beyond all size is nobody's: it goes, and counts as missing.
local function hash_of(key)
  local len = redis.pcall('HLEN', key)
  if type(len) ~= 'number' or len > TARGETS_MOST + FIELDS_MOST then
    redis.call('DEL', key)
    return {}
  end
  local flat = redis.call('HGETALL', key)
  local hash = {}
  for i = 1, #flat, 2 do
    hash[flat[i]] = flat[i + 1]
  end
  return hash
end

local function zset_only(key)
  if redis.call('TYPE', key).ok ~= 'zset' then
    redis.call('DEL', key)
  end
end

local function failed(name, what)
  return redis.error_reply('ERR ' .. name .. ': ' .. what)
end

-- ---- reports --------------------------------------------------------------

local function report_fields(args)
  local flat, bytes = {}, 0
  for i = 7, #args, 2 do
    local field, value = args[i], args[i + 1]
    if not is_name(field) or value == nil or #value > VALUE_BYTES_MOST then
      return nil
    end
    bytes = bytes + #field + #value
    if not own_fields[field] then
      flat[#flat + 1] = field
      flat[#flat + 1] = value
    end
  end
  if #flat > 2 * FIELDS_MOST or bytes > REPORT_BYTES_MOST - 512 then
    return nil
  end
  return flat
end

local function iso1_report(keys, args)
  local key, index = keys[1], keys[2]
  local cluster, pool, channel = args[1], args[2], args[6]
  local epoch, seq = whole(args[3], 1, 9e14), whole(args[4], 0, 9e14)
  local ttl = whole(args[5], 100, 600000)
  local fields = report_fields(args)
  if not is_name(cluster) or not is_name(pool) then
    return failed('iso1_report', 'cluster and pool are 1 to 64 of a-z 0-9 . _ -')
  end
  if not epoch or not seq or not ttl or not channel or not fields then
    return failed('iso1_report', 'epoch, seq, ttl_ms (100 to 600000), channel, then at most 64 fields with values')
  end
  local now = now_ms()
  if epoch > now + DAY_MS then
    return failed('iso1_report', 'epoch is more than a day ahead of the clock of this server')
  end

  local old = hash_of(key)
  local old_epoch, old_seq = whole(old.epoch, 0, 9e14), whole(old.seq, 0, 9e14)
  if old_epoch and old_seq and (old_epoch > epoch or (old_epoch == epoch and old_seq >= seq)) then
    return {0, old_epoch, old_seq, now}
  end

  local flat = {'cluster', cluster, 'pool', pool, 'epoch', text_of(epoch), 'seq', text_of(seq),
                'ts_ms', text_of(now), 'ttl_ms', text_of(ttl)}
  for i = 1, #fields do
    flat[#flat + 1] = fields[i]
  end
  zset_only(index)
  redis.call('DEL', key)
  redis.call('HSET', key, unpack(flat))
  redis.call('PEXPIRE', key, text_of(3 * ttl))
  redis.call('ZADD', index, text_of(now), cluster .. ':' .. pool)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', text_of(now - HOUR_MS))
  redis.call('PUBLISH', channel, cjson.encode(flat))
  return {1, epoch, seq, now}
end

-- nil: gone, of the wrong type, or nothing that iso1_report can have written.
local function stored_report(key)
  local len = redis.pcall('HLEN', key)
  if type(len) ~= 'number' or len == 0 or len > FIELDS_MOST + 6 then
    return nil
  end
  local flat = redis.call('HGETALL', key)
  local bytes = 0
  for i = 1, #flat do
    bytes = bytes + #flat[i]
  end
  if bytes > REPORT_BYTES_MOST then
    return nil
  end
  return flat
end

local function iso1_snapshot(keys, args)
  local reports, routers = {}, {}
  local members = redis.pcall('ZREVRANGE', keys[1], 0, REPORTS_MOST - 1)
  for i = 1, #members do
    local flat = is_target(members[i]) and stored_report(args[1] .. members[i])
    if flat then
      reports[#reports + 1] = members[i]
      reports[#reports + 1] = flat
    end
  end
  local live = redis.pcall('ZREVRANGE', keys[2], 0, ROUTERS_MOST - 1, 'WITHSCORES')
  if not live.err then
    routers = live
  end
  return {now_ms(), reports, routers}
end

-- ---- exchange -------------------------------------------------------------
-- The hot part: one call per router and tick over all targets, so texts are
-- compared before they are taken apart, and every total is read once.

local NOTHING = '0 0 0'

-- nil when it is not three whole numbers in range.
local function counters_of(text)
  local a, b, c = string.match(text, '^(%d+) (%d+) (%d+)$')
  if not a then
    return nil
  end
  a, b, c = tonumber(a), tonumber(b), tonumber(c)
  if a > COUNTER_MOST or b > COUNTER_MOST or c > COUNTER_MOST then
    return nil
  end
  return a, b, c
end

local function add(sums, target, text, sign)
  local a, b, c = counters_of(text)
  if not a then
    return
  end
  local sum = sums[target]
  if sum then
    sum[1], sum[2], sum[3] = sum[1] + sign * a, sum[2] + sign * b, sum[3] + sign * c
  else
    sums[target] = {sign * a, sign * b, sign * c}
  end
end

local function add_hash(sums, hash, sign)
  for field, value in pairs(hash) do
    if is_target(field) then
      add(sums, field, value, sign)
    end
  end
end

local function in_chunks(list, call)
  for first = 1, #list, CHUNK do
    call(unpack(list, first, math.min(first + CHUNK - 1, #list)))
  end
end

-- Writes texts by target; zeros are not kept.
local function store(key, texts)
  local set, unset = {}, {}
  for target, text in pairs(texts) do
    if text == NOTHING then
      unset[#unset + 1] = target
    else
      set[#set + 1] = target
      set[#set + 1] = text
    end
  end
  in_chunks(set, function(...) redis.call('HSET', key, ...) end)
  in_chunks(unset, function(...) redis.call('HDEL', key, ...) end)
end

local function silent(hash, ts, now)
  local tick = whole(hash.tick_ms, 1, 60000)
  return not tick or ts < now - 3 * tick or ts > now + REBUILD_MS
end

-- The sums anew, from the hashes of the routers that are live.
local function rebuild(call)
  local sums, texts = {}, {}
  local live = redis.call('ZRANGE', call.routers, 0, -1, 'WITHSCORES')
  for i = 1, #live, 2 do
    local name, key = live[i], call.prefix .. live[i]
    if name ~= call.name then
      local hash = hash_of(key)
      if silent(hash, tonumber(live[i + 1]), call.now) then
        redis.call('DEL', key)
        redis.call('ZREM', call.routers, name)
      else
        add_hash(sums, hash, 1)
      end
    end
  end
  for target, text in pairs(call.mine) do
    add(sums, target, text, 1)
  end
  for target, sum in pairs(sums) do
    texts[target] = string.format('%.0f %.0f %.0f', sum[1], sum[2], sum[3])
  end
  redis.call('DEL', call.total)
  redis.call('HSET', call.total, 'rebuilt_ms', text_of(call.now))
  store(call.total, texts)
  return sums
end

-- What goes with routers that fell silent.  Only those that have been quiet for
-- three ticks of the caller are looked at, and not all at once after an outage.
local function take_out_silent(call, changes)
  local quiet = redis.call('ZRANGEBYSCORE', call.routers, '-inf', '(' .. text_of(call.now - 3 * call.tick),
                           'WITHSCORES', 'LIMIT', 0, TAKEN_OUT_PER_CALL)
  for i = 1, #quiet, 2 do
    local name, key = quiet[i], call.prefix .. quiet[i]
    if name ~= call.name then
      local hash = hash_of(key)
      if silent(hash, tonumber(quiet[i + 1]), call.now) then
        add_hash(changes, hash, -1)
        redis.call('DEL', key)
        redis.call('ZREM', call.routers, name)
      end
    end
  end
end

-- The sums of all targets that were sent or that change, after the changes.
local function apply(call, changes)
  local names, sums, texts = {}, {}, {}
  for i = 1, #call.targets do
    names[i] = call.targets[i]
  end
  for target in pairs(changes) do
    if not call.mine[target] then
      names[#names + 1] = target
    end
  end
  for first = 1, #names, CHUNK do
    local got = redis.call('HMGET', call.total, unpack(names, first, math.min(first + CHUNK - 1, #names)))
    for i = 1, #got do
      local target = names[first + i - 1]
      local change = changes[target]
      local a, b, c
      if got[i] then
        a, b, c = counters_of(got[i])
      end
      a, b, c = a or 0, b or 0, c or 0
      if change then
        a, b, c = math.max(0, a + change[1]), math.max(0, b + change[2]), math.max(0, c + change[3])
        texts[target] = string.format('%.0f %.0f %.0f', a, b, c)
      end
      sums[target] = {a, b, c}
    end
  end
  store(call.total, texts)
  return sums
end

local function exchange_call(keys, args)
  local call = {own = keys[1], total = keys[2], routers = keys[3], name = args[1],
                tick = whole(args[2], 1, 60000), prefix = args[3], mine = {}, targets = {}}
  if not is_name(call.name) or not call.tick or not call.prefix then
    return nil, 'name (1 to 64 of a-z 0-9 . _ -), tick_ms (1 to 60000), prefix'
  end
  if (#args - 3) % 4 ~= 0 or #args - 3 > 4 * TARGETS_MOST then
    return nil, 'at most 4096 targets, each with three counters'
  end
  for i = 4, #args, 4 do
    local target, text = args[i], args[i + 1] .. ' ' .. args[i + 2] .. ' ' .. args[i + 3]
    if not is_target(target) or not counters_of(text) then
      return nil, 'a target is cluster:pool, a counter 0 to 1000000000000'
    end
    call.mine[target] = text
    call.targets[#call.targets + 1] = target
  end
  return call
end

-- What the own hash has to become, by target, and what that adds to the totals.
local function changes_of_mine(call, old)
  local texts, changes = {}, {}
  for target, text in pairs(call.mine) do
    local before = old[target] or NOTHING
    if before ~= text then
      texts[target] = text
      add(changes, target, text, 1)
      add(changes, target, before, -1)
    end
  end
  for target, before in pairs(old) do
    if not call.mine[target] and is_target(target) then
      texts[target] = NOTHING
      add(changes, target, before, -1)
    end
  end
  return texts, changes
end

local function iso1_exchange(keys, args)
  local call, problem = exchange_call(keys, args)
  if not call then
    return failed('iso1_exchange', problem)
  end
  call.now = now_ms()
  zset_only(call.routers)
  local old = hash_of(call.own)
  local listed = redis.call('ZSCORE', call.routers, call.name) ~= false
  local rebuilt = redis.pcall('HGET', call.total, 'rebuilt_ms')
  local rebuilt_ms = type(rebuilt) == 'string' and whole(rebuilt, 0, 9e14) or nil

  local texts, changes = changes_of_mine(call, old)
  store(call.own, texts)
  redis.call('HSET', call.own, 'tick_ms', text_of(call.tick))
  redis.call('ZADD', call.routers, text_of(call.now), call.name)

  local sums
  if not rebuilt_ms or rebuilt_ms > call.now or rebuilt_ms < call.now - REBUILD_MS or
      listed ~= (old.tick_ms ~= nil) then
    sums = rebuild(call)
  else
    take_out_silent(call, changes)
    sums = apply(call, changes)
  end
  for i = 1, 3 do
    redis.call('PEXPIRE', keys[i], ROUTER_TTL_MS)
  end

  local reply = {call.now, redis.call('ZCARD', call.routers)}
  for i = 1, #call.targets do
    local sum = sums[call.targets[i]] or {0, 0, 0}
    local at = 3 * i
    reply[at], reply[at + 1], reply[at + 2] = sum[1], sum[2], sum[3]
  end
  return reply
end

redis.register_function('iso1_report', iso1_report)
redis.register_function{function_name = 'iso1_snapshot', callback = iso1_snapshot, flags = {'no-writes'}}
redis.register_function('iso1_exchange', iso1_exchange)
