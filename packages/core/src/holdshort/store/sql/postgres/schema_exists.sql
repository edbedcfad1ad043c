SELECT to_regnamespace('holdshort') IS NOT NULL;
