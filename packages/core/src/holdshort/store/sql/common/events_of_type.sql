SELECT intent_id, seq, event_type, at, line, hash FROM events
WHERE tenant = :tenant AND intent_id >= :first AND event_type = :event_type
ORDER BY intent_id DESC, seq LIMIT :limit;
