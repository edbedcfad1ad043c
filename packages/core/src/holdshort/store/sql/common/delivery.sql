SELECT * FROM deliveries WHERE tenant = :tenant AND id = :id;
