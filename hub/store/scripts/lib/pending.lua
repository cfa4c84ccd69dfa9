-- Sets, or takes away, the state of a person who is not let in yet.
-- KEYS feed, pending, notices
-- ARGV feed, channel, person, the state it must have ('': none), value ('': none), notice
--      ('': none), most of a feed for a new one, most notices of a partition, jid that the
--      notice is about, the resource that it must have ('': none, '*': whatever), how it was
--      wished for ('': not said)
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local old = redis.call('HGET', KEYS[2], ARGV[3]) or ''
local state, resource = pending_parts(old)
if state ~= ARGV[4] or ARGV[10] ~= '*' and resource ~= ARGV[10] then
	return {'STALE'}
end
if old == '' and ARGV[5] ~= '' and redis.call('HLEN', KEYS[2]) >= tonumber(ARGV[7])
	or ARGV[6] ~= '' and not notice_fits(KEYS[3], ARGV[8]) then
	return {'FULL'}
end
if ARGV[5] ~= '' then
	redis.call('HSET', KEYS[2], ARGV[3], ARGV[5])
else
	redis.call('HDEL', KEYS[2], ARGV[3])
end
if ARGV[6] ~= '' then
	notice_add(KEYS[3], ARGV[6], ARGV[1], ARGV[9], ARGV[2], ARGV[11])
end
return {'OK'}
