"""`holdshort demo`: one export, from the question to the audited result."""
