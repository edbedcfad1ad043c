SELECT data FROM continuations WHERE tenant = :tenant AND intent_id = :intent_id;
