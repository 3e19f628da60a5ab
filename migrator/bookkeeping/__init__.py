"""What we write down on the destination: the journal of all mappings, the ledger of each database."""
