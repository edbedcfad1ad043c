"""The pages of those who run a tenant: who decides, what goes out, how deciding goes."""
