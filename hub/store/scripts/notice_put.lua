#!lua
-- Writes a notice alone. Without allow-oom.
-- KEYS feed, notices
-- ARGV feed, channel, jid, kind, most notices of a partition, how it followed ('': not said)
-- include notice
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch')
if f[1] or not f[2] then
	return {'NOFEED'}
end
if not notice_fits(KEYS[2], ARGV[5]) then
	return {'FULL'}
end
notice_add(KEYS[2], ARGV[4], ARGV[1], ARGV[3], ARGV[2], ARGV[6])
return {'OK'}
