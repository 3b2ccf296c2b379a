"""Scenes that are hard on purpose: crowded pens, look-alikes, growth, dirt, other floors, cameras, light and species.

A farm whose plan has a ``stage`` (`plan.StagePlan`) lives and is written down like any other; only its animals, its
pictures and the small motions of its bodies come from here. The pen is drawn flat (`painter`), seen through a tilted
and bent lens (`lens`) and then through weather, light and a sensor (`conditions`). What is true of every pixel is
carried through the same lens (`visible`), so that masks are exact, boxes hold the visible part, and the hidden share
is known. Bodies have no height: a tilted camera sees them as pictures on the floor (decision 81).
"""
