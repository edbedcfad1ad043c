SELECT doc FROM runs WHERE tenant = :tenant AND agent = :agent AND id = :id;
