UPDATE deliveries SET state = ?, attempts = ?, next_at = ?, sent_at = ?, last_error = ?
WHERE tenant = ? AND id = ?;
