-- Is there room for a notice of the partition?
local function notice_fits(key, most)
	return redis.call('XLEN', key) < tonumber(most)
end
-- Writes one, and wakes whoever is to say it: its ID. HOW: of how jid followed; nil or '': not said.
local function notice_add(key, kind, feed, jid, channel, how)
	local id
	if how and how ~= '' then
		id = redis.call('XADD', key, '*', 'kind', kind, 'feed', feed, 'jid', jid, 'how', how)
	else
		id = redis.call('XADD', key, '*', 'kind', kind, 'feed', feed, 'jid', jid)
	end
	redis.call('PUBLISH', channel, '!' .. feed)
	return id
end
