#!lua flags=allow-oom
-- Makes a bucket from its parent: its rows move, the cursor is copied. The parent is written
-- anew, as Redis never turns a hash that was once too long back into a listpack.
-- KEYS feed, parent, new bucket, due
-- ARGV number of the new bucket: also the count of buckets before; what stands for the two
--      in the due set
-- include row_hash
-- include bucket_of
local f = redis.call('HMGET', KEYS[1], 'state', 'salt', 'buckets', 'subs')
if f[1] or not f[2] then
	return {'NOFEED'}
end
if f[3] ~= ARGV[1] then
	return {'STALE'}
end
local new, salt = tonumber(ARGV[1]), tonumber(f[2])
local cursor = redis.call('HGET', KEYS[2], '')
if not cursor then
	return redis.error_reply('ERR a bucket without a cursor') -- nothing has been written
end
local rows = redis.call('HGETALL', KEYS[2])
local stay, move = {'', cursor}, {'', cursor} -- found first
for i = 1, #rows, 2 do
	if rows[i] ~= '' then
		local moves = bucket_of(row_hash(salt, rows[i]), new + 1) == new
		local to = moves and move or stay
		to[#to + 1] = rows[i]
		to[#to + 1] = rows[i + 1]
	end
end
local function write(key, fields)
	for i = 1, #fields, 500 do
		redis.call('HSET', key, unpack(fields, i, math.min(i + 499, #fields)))
	end
end
redis.call('DEL', KEYS[2])
write(KEYS[2], stay)
write(KEYS[3], move)
local due = redis.call('ZSCORE', KEYS[4], ARGV[2])
if due then
	redis.call('ZADD', KEYS[4], due, ARGV[3]) -- too early at most
end
redis.call('HSET', KEYS[1], 'buckets', string.format('%.0f', new + 1))
return {'OK', tonumber(f[4]), new + 1}
