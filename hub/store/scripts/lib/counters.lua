-- The counters of the event at POS, as counter_kinds in hub/store/redis_done.c.
local function counters(pos)
	return pos .. ':t', pos .. ':s', pos .. ':h', pos .. ':d', pos .. ':b', pos .. ':l', pos .. ':k',
		pos .. ':f', pos .. ':e', pos .. ':u', pos .. ':r'
end
