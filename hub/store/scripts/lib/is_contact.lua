-- Do OPTIONS, as row_parts() gives them, say that it has the feed as a contact?
local function is_contact(options)
	return (options .. ' '):find(' a ', 1, true) ~= nil
end
