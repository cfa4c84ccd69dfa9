-- FORMAT SINCE[ BOUNCED][ OPTIONS], as sub_parse() in hub/core/subscription.c. BOUNCED and
-- OPTIONS are '' where there is none; else they begin with their blank.
local function row_parts(row)
	local format, since, rest = row:match('^(%a) (%d+%-%d+)(.*)$')
	if not format then
		return
	end
	local bounced, options = rest:match('^( %d+%-%d+)(.*)$')
	return format, since, bounced or '', options or rest
end
