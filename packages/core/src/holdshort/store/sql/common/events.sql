SELECT seq, event_type, at, line, hash FROM events
WHERE tenant = :tenant AND intent_id = :intent_id AND seq > :since
ORDER BY seq LIMIT :limit;
