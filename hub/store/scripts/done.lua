#!lua flags=allow-oom
-- Moves cursors, raises counters, ends or marks rows: all of it or nothing.
-- KEYS fence, feed, counters, bucket...
-- ARGV name, owner, buckets of the feed, to, count of counters, count of rows,
--      (number, from) a bucket, (field, add) a counter, (jid, pos, end) a row
-- include row_hash
-- include bucket_of
-- include after
-- include row_parts
-- include is_contact
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
	return {'LOST'}
end
local f = redis.call('HMGET', KEYS[2], 'state', 'salt', 'buckets')
if f[1] or not f[2] then
	return {'NOFEED'}
end
if f[3] ~= ARGV[3] then
	return {'RETRY', tonumber(f[3])}
end
local at, keys = 7, {}
for i = 4, #KEYS do
	if redis.call('HGET', KEYS[i], '') ~= ARGV[at + 1] then
		return {'STALE'}
	end
	keys[tonumber(ARGV[at])] = KEYS[i]
	at = at + 2
end
for i = 4, #KEYS do
	redis.call('HSET', KEYS[i], '', ARGV[4])
end
for _ = 1, tonumber(ARGV[5]) do
	redis.call('HINCRBY', KEYS[3], ARGV[at], ARGV[at + 1])
	at = at + 2
end
local salt, buckets, ended, contacts = tonumber(f[2]), tonumber(f[3]), 0, 0
for _ = 1, tonumber(ARGV[6]) do
	local jid, pos, last = ARGV[at], ARGV[at + 1], ARGV[at + 2] == '1'
	local key = keys[bucket_of(row_hash(salt, jid), buckets)]
	local row = key and redis.call('HGET', key, jid) or ''
	local format, since, bounced, options = row_parts(row)
	if format and after(pos, since) then
		if last then
			redis.call('HDEL', key, jid)
			ended = ended + 1
			contacts = contacts + (is_contact(options) and 1 or 0)
		elseif bounced == '' or after(pos, bounced:sub(2)) then
			redis.call('HSET', key, jid, format .. ' ' .. since .. ' ' .. pos .. options)
		end
	end
	at = at + 3
end
if ended > 0 then
	redis.call('HINCRBY', KEYS[2], 'subs', -ended)
end
if contacts > 0 then
	redis.call('HINCRBY', KEYS[2], 'contacts', -contacts)
end
return {'OK'}
