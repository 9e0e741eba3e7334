"""Captions of everyday things. Their mean stands for what all captions have in common, which says nothing about any one image.

A fixed list: the mean must not depend on the corpus, since an index that is added to keeps its map.
"""

from __future__ import annotations

_THINGS = """
man woman child baby face hand crowd family dog cat horse cow sheep bird fish insect butterfly snake frog bear elephant monkey
tree flower leaf grass forest mountain hill river lake beach sea sky cloud sunset snow rain rock desert island field garden
house building street bridge church castle tower door window wall roof room kitchen bathroom office shop market stairs fence
car bus truck train bicycle motorcycle boat ship aeroplane road wheel chair table bed sofa lamp shelf mirror carpet curtain clock
book newspaper letter map painting drawing photograph poster sign screen computer keyboard telephone camera television machine tool knife
bottle cup plate bowl spoon bread cake fruit apple vegetable meat cheese egg soup salad drink coffee shirt dress coat trousers
shoe hat bag glove ring watch glasses umbrella ball toy doll game guitar piano drum flag coin box key rope texture pattern
"""

NEUTRAL_CAPTIONS: tuple[str, ...] = tuple(f"a photo of a {thing}" for thing in _THINGS.split())
