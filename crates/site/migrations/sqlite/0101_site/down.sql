DROP TABLE license_nodes; DROP TABLE license_uses; DROP TABLE license_devices; DROP TABLE license_totals;
DROP TABLE license_ledger; DROP TABLE license_leases; DROP TABLE license_files; DROP TABLE license_site;
