SELECT body FROM requests WHERE tenant = :tenant AND intent_id = :intent_id;
