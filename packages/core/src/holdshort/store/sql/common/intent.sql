SELECT state FROM intents WHERE tenant = :tenant AND id = :id;
