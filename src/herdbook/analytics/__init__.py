"""From days of one animal to what is normal for it and what is not: functions of arrays, without a lake.

Days are consecutive farm-local days along the last axis; what was not observed is NaN, never zero. `herdbook.reports`
reads the arrays from the lake's views and shows what comes out.
"""
