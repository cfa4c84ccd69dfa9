#!lua flags=allow-oom
-- Removes a row.
-- KEYS feed, bucket
-- ARGV jid, salt, hash, number of the bucket
-- include bucket_of
-- include row_parts
-- include is_contact
-- include row_bucket
local row = redis.call('HGET', KEYS[2], ARGV[1])
if not row then
	return {'NOENT'}
end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HINCRBY', KEYS[1], 'subs', -1)
if is_contact(select(4, row_parts(row)) or '') then
	redis.call('HINCRBY', KEYS[1], 'contacts', -1)
end
return {'OK', row}
