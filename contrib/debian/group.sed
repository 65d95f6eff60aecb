# Of gmemtraced.service and its drop-in for HTTP: those of the group trace through the daemon, and need no privilege. As a
# member it may give its socket to the group, without CAP_CHOWN.
s,^ExecStart=.\+,& --group gmemtrace,
s/^CapabilityBoundingSet=.*/&\nSupplementaryGroups=gmemtrace/
