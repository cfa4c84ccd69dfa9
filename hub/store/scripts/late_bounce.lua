#!lua flags=allow-oom
-- A bounce that came after its window was done.
-- KEYS feed, bucket, log, counters
-- ARGV jid, salt, hash, number of the bucket, pos, end
-- include bucket_of
-- include after
-- include row_parts
-- include is_contact
-- include row_bucket
local jid, pos = ARGV[1], ARGV[5]
local cursor, row = unpack(redis.call('HMGET', KEYS[2], '', jid), 1, 2)
local format, since, bounced, options = row_parts(row or '')
if not format or not after(pos, since) or #redis.call('XRANGE', KEYS[3], pos, pos) == 0 then
	return {'NOENT'}
end
-- Not done yet: it will be sent again. Or counted already.
if after(pos, cursor) or (bounced ~= '' and not after(pos, bounced:sub(2))) then
	return {'OK'}
end
local from, other = pos .. ':t', pos .. ':s'
if format == 'h' then
	from, other = other, from
end
if tonumber(redis.call('HGET', KEYS[4], from) or 0) <= 0 then
	from = other
end
if tonumber(redis.call('HGET', KEYS[4], from) or 0) > 0 then
	redis.call('HINCRBY', KEYS[4], from, -1)
	redis.call('HINCRBY', KEYS[4], pos .. (ARGV[6] == '1' and ':l' or ':b'), 1)
end
if ARGV[6] == '1' then
	redis.call('HDEL', KEYS[2], jid)
	redis.call('HINCRBY', KEYS[1], 'subs', -1)
	if is_contact(options) then
		redis.call('HINCRBY', KEYS[1], 'contacts', -1)
	end
else
	redis.call('HSET', KEYS[2], jid, format .. ' ' .. since .. ' ' .. pos .. options)
end
return {'OK'}
