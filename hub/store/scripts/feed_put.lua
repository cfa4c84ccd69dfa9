#!lua flags=allow-oom
-- Makes a feed, or changes its configuration. With allow-oom: it may be what lowers max_items.
-- KEYS feed, feeds, epoch, behind, notices
-- ARGV feed, config, at, salt, run, channel, kind of the notice to look for outcasts, most notices
--      of a partition[, expect]
-- include notice
-- include casts_out
local f = redis.call('HMGET', KEYS[1], 'state', 'config', 'epoch', 'n')
if f[1] then
	return {'EXISTS'}
end
local created = 0
if f[3] then
	if ARGV[9] and f[2] ~= ARGV[9] then
		return {'STALE'}
	end
	if casts_out(f[2], ARGV[2]) then
		-- One that waits is replaced: what it is about is found by this one as well.
		redis.call('XDEL', KEYS[5], redis.call('HGET', KEYS[1], 'sweep') or '0-1')
		if not notice_fits(KEYS[5], ARGV[8]) then
			return {'FULL'}
		end
		redis.call('HSET', KEYS[1], 'sweep',
			notice_add(KEYS[5], ARGV[7], ARGV[1], '', ARGV[6]))
		redis.call('HINCRBY', KEYS[1], 'casts', 1)
	end
	redis.call('HSET', KEYS[1], 'config', ARGV[2])
	if f[2] ~= ARGV[2] and f[4] ~= '0' then
		-- There may be more to trim now, though no event comes.
		redis.call('SADD', KEYS[4], ARGV[1])
		redis.call('PUBLISH', ARGV[6], ARGV[1])
	end
else
	if ARGV[9] then
		return {'NOFEED'}
	end
	created = 1
	-- Past every position of an earlier feed of this name.
	local epoch = math.max(tonumber(redis.call('TIME')[1]),
		tonumber(redis.call('GET', KEYS[3]) or 0) + 1)
	epoch = string.format('%.0f', epoch)
	redis.call('HSET', KEYS[1], 'epoch', epoch, 'n', '0', 'run', ARGV[5], 'settled', epoch .. '-0',
		'subs', '0', 'buckets', '0', 'salt', ARGV[4], 'config', ARGV[2], 'created', ARGV[3],
		'born', epoch, 'casts', epoch .. '000000')
	redis.call('ZADD', KEYS[2], 0, ARGV[1])
end
return {'OK', created, redis.call('HMGET', KEYS[1], 'state', 'epoch', 'n', 'settled', 'subs',
	'buckets', 'salt', 'config', 'created', 'born', 'presence', 'face', 'contacts',
	'trimmed', 'casts', 'watched')}
