DELETE FROM assignments WHERE tenant = ? AND intent_id = ?;
