"""Pack forms by name, and the picture of a product from a view."""

from __future__ import annotations

from collections.abc import Callable

from beautylens.arrays import UInt8
from beautylens.sample import bottles, boxes, compacts, makeup
from beautylens.sample.pack import Pack
from beautylens.sample.stage import STUDIO, Stage, View

FORMS: dict[str, Callable[[Stage, Pack], None]] = {
    "balm_stick": makeup.balm_stick,
    "brush": makeup.brush,
    "carton": boxes.carton,
    "compact": compacts.compact,
    "concealer": makeup.concealer,
    "deodorant": bottles.deodorant,
    "dropper": bottles.dropper,
    "flip_bottle": bottles.flip_bottle,
    "foundation": makeup.foundation,
    "jar": bottles.jar,
    "lip_gloss": makeup.lip_gloss,
    "lipstick": makeup.lipstick,
    "mascara": makeup.mascara,
    "nail_polish": makeup.nail_polish,
    "palette": compacts.palette,
    "pencil": makeup.pencil,
    "perfume": boxes.perfume,
    "pump_bottle": bottles.pump_bottle,
    "roll_on": bottles.roll_on,
    "sachet": boxes.sachet,
    "soap": boxes.soap,
    "spray": bottles.spray,
    "tin": compacts.tin,
    "tube": bottles.tube,
}


def draw_product(form: str, pack: Pack, view: View = STUDIO) -> UInt8:
    """Return the studio picture of a product, (640, 640, 3) uint8 RGB."""
    stage = Stage(view)
    FORMS[form](stage, pack)
    if view.tilt:
        stage.turn(view.tilt)
    return stage.picture()
