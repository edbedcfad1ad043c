SELECT tenant FROM entries WHERE kind = 'settings' ORDER BY tenant;
