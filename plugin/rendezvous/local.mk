# rendezvous
