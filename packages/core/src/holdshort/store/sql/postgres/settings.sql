-- Everything of Holdshort's stands in a schema of its own, so that it can share a database. The rest
-- frees the rows of a process that was stopped in mid-transaction, and bounds the wait for them.
SELECT
    set_config('search_path', 'holdshort', FALSE),
    set_config('lock_timeout', '10s', FALSE),
    set_config('idle_in_transaction_session_timeout', '5s', FALSE);
