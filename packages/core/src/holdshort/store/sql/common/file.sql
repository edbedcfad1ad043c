SELECT tenant, sha256, name, media, size, person, created_at, data FROM files WHERE tenant = :tenant AND sha256 = :sha256;
