-- As row_hash() in hub/core/subscription.c. h * salt + byte < 2^53.
local function row_hash(salt, key)
	local h = 5381
	for i = 1, #key do
		h = (h * salt + key:byte(i)) % 4294967291
	end
	return h
end
