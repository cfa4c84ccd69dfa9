-- A hold that is due now. Where it is a dead letter, or FORGET, its failures count no more.
local function redrive(hold, key, format, forget, now)
	local dead = hold.reason == 'd'
	if forget or dead then
		count_first(key, format, hold)
		if hold.tries ~= '0' and hold.condition ~= '' and more_get(hold, 'w') > 0 then
			more_set(hold, 'a', now) -- which says the same of what came back
			more_set(hold, 'n', 0)
		end
		hold.tries, hold.first = '0', '0'
	end
	if dead or (forget and hold.reason == 'x') then
		hold.reason = 'b'
	end
	hold.due = ms_text(now)
end
