-- The version guards the write: a row that moved since it was read is not touched, and the count tells.
UPDATE intents SET version = ?, status = ?, wake_at = ?, lease_at = ?, state = ?,
    grant_until = ?, digest = ?
WHERE tenant = ? AND id = ? AND version = ?;
