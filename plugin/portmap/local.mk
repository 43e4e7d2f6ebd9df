# portmap
