-- Says what waits to be archived in a partition: how many tasks, since when the first of them, how many are set aside (as
-- `stats.lua` counts them), how many bytes they all take.
local P, call = KEYS[1], redis.call
local first = call('ZRANGE', P .. 'ended', 0, 0, 'WITHSCORES')
local aside = call('HLEN', P .. 'aside') + call('HLEN', P .. 'unreadable')
return { call('ZCARD', P .. 'ended'), first[2] or '', aside, call('HGET', P .. 'counts', 'unarchived') or '' }
