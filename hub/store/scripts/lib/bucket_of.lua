-- As bucket_of() in hub/core/subscription.c.
local function bucket_of(h, buckets)
	local p = 1
	while p * 2 <= buckets do
		p = p * 2
	end
	local k = h % (p * 2)
	return k < buckets and k or h % p
end
