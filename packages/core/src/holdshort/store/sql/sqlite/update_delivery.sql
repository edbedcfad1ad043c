UPDATE deliveries SET
    state = ?, attempts = ?, next_at = ?, sent_at = ?, last_error = ?, receipt = ?, fallbacks = ?
WHERE tenant = ? AND id = ?;
