-- Says what waits to be archived in a partition: how many tasks, since when the first of them, how many cannot be archived,
-- how many bytes they all take.
local P, call = KEYS[1], redis.call
local first = call('ZRANGE', P .. 'ended', 0, 0, 'WITHSCORES')
return { call('ZCARD', P .. 'ended'), first[2] or '', call('HLEN', P .. 'aside'), call('HGET', P .. 'counts', 'unarchived') or '' }
