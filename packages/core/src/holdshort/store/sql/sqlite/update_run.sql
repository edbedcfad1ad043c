UPDATE runs SET app = ?, status = ?, version = ?, lease_at = ?, doc = ?
WHERE tenant = ? AND agent = ? AND id = ? AND version = ?;
