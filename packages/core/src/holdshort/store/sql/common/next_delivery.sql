SELECT MIN(next_at) FROM deliveries WHERE state = 'pending';
