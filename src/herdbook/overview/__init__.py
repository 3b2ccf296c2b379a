"""The herd's nights at a glance, as plain values for the command line and the page *Herd*."""
