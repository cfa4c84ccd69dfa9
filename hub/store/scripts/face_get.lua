#!lua flags=no-writes
-- A feed's avatar.
-- KEYS feed, image
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'face')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local image = redis.call('HMGET', KEYS[2], 'sha1', 'type', 'width', 'height', 'data')
-- Only the one that the feed names.
if not f[3] or image[1] ~= f[3] then
	return {'NOENT'}
end
return {'OK', image}
