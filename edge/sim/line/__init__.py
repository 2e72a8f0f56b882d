"""A line that is not there: meters that walk along a gateway's stations, some of them wrong, and operators who scan.

plan       which meters come, what is wrong with which, and where each has to end; by a seed
meter      a meter on its way: what is in it, and what is on its label
fixture    where one meter after the other is put on, at a port that stays
stand      an operator at a station: scans, and looks at the screen
line       all of them at once, and what became of each meter

stands = {"assembly": [Stand(...)], "parameterization": [...], ...}
outcomes = await Line(stands).run(plan(20, ["swapped-cover"], seed=7))
assert not [one for one in outcomes if not one.is_right]
"""
