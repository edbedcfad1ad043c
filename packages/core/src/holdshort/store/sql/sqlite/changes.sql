SELECT DISTINCT tenant, intent_id, MAX(position) OVER () FROM events WHERE position > :position;
