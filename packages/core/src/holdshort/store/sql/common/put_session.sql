UPDATE sessions SET expires_at = :expires_at, doc = :doc WHERE hash = :hash;
