#!/usr/bin/env python3
"""GIMP 3 plug-in, Filters > Blur > Lens wide open: the layer as a fast lens would have taken it, on a layer of its own.

It starts the program `wideopen` and needs nothing of it in GIMP's own Python. docs/editors.md says how it is installed.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio, GLib, GObject  # noqa: E402

NAME = "wideopen-bokeh"
BUNDLED = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH")
"""What GIMP's own Python is found by, and would keep another one from starting."""
FAILED, DONE, CANCELLED = Gimp.PDBStatusType.EXECUTION_ERROR, Gimp.PDBStatusType.SUCCESS, Gimp.PDBStatusType.CANCEL


def save_alone(image, drawable, path):
    """Write a drawable as a PNG of the image's precision and profile."""
    alone = Gimp.Image.new_with_precision(
        drawable.get_width(), drawable.get_height(), image.get_base_type(), image.get_precision()
    )
    try:
        alone.set_color_profile(image.get_color_profile())
        layer = Gimp.Layer.new_from_drawable(drawable, alone)
        alone.insert_layer(layer, None, 0)
        layer.set_offsets(0, 0)
        Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, alone, Gio.File.new_for_path(str(path)), None)
    finally:
        alone.delete()


def save_selection(image, drawable, path):
    """Write what is selected of a drawable as a grey PNG, white inside."""
    _, left, top = drawable.get_offsets()
    mask = Gimp.Image.new(image.get_width(), image.get_height(), Gimp.ImageBaseType.GRAY)
    try:
        mask.insert_layer(Gimp.Layer.new_from_drawable(image.get_selection(), mask), None, 0)
        mask.resize(drawable.get_width(), drawable.get_height(), -left, -top)
        mask.flatten()
        Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, mask, Gio.File.new_for_path(str(path)), None)
    finally:
        mask.delete()


def blur(image, drawable, settings):
    """Put the blurred copy of a drawable on a new layer above it; RuntimeError with the program's own words."""
    with tempfile.TemporaryDirectory() as folder:
        sharp, soft, matte = (Path(folder, name) for name in ("sharp.png", "soft.png", "matte.png"))
        save_alone(image, drawable, sharp)
        command = [*shlex.split(settings.get_property("program")), "render", str(sharp), "-o", str(soft), "--quiet"]
        command += ["--aperture", f"{settings.get_property('aperture'):g}", "--focus", settings.get_property("focus")]
        if settings.get_property("selection") and not Gimp.Selection.is_empty(image):
            save_selection(image, drawable, matte)
            command += ["--matte", str(matte)]
        command += shlex.split(settings.get_property("more"))
        kept = {name: value for name, value in os.environ.items() if name not in BUNDLED}
        try:
            subprocess.run(command, env=kept, check=True, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise RuntimeError(f"{command[0]} is not there; give its whole path in the field Program") from error
        except subprocess.CalledProcessError as error:
            raise RuntimeError(error.stderr.strip().replace(f"{sharp}: ", "") or "wideopen failed") from error
        layer = Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path(str(soft)))
    image.undo_group_start()
    try:
        layer.set_name(f"wide open, f/{settings.get_property('aperture'):g}")
        image.insert_layer(layer, drawable.get_parent(), image.get_item_position(drawable))
        layer.set_offsets(*drawable.get_offsets()[1:])
    finally:
        image.undo_group_end()


def run(procedure, mode, image, drawables, settings, _data):
    if len(drawables) != 1:
        return procedure.new_return_values(FAILED, GLib.Error("wideopen works on one layer; select one"))
    if mode == Gimp.RunMode.INTERACTIVE:
        gi.require_version("GimpUi", "3.0")  # Wants a screen.
        from gi.repository import GimpUi

        GimpUi.init(NAME)
        dialog = GimpUi.ProcedureDialog.new(procedure, settings, "Lens wide open")
        dialog.fill(None)
        accepted = dialog.run()
        dialog.destroy()
        if not accepted:
            return procedure.new_return_values(CANCELLED, None)
    Gimp.progress_init("Opening the lens")
    layer = Gimp.Layer.from_mask(drawables[0]) if drawables[0].is_layer_mask() else drawables[0]
    try:
        blur(image, layer, settings)
    except (RuntimeError, ValueError, OSError, GLib.Error) as error:
        return procedure.new_return_values(FAILED, GLib.Error(str(error)))
    Gimp.displays_flush()
    return procedure.new_return_values(DONE, None)


class WideOpen(Gimp.PlugIn):
    def do_set_i18n(self, _name):
        return False

    def do_query_procedures(self):
        return [NAME]

    def do_create_procedure(self, name):
        made = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, run, None)
        made.set_image_types("RGB*, GRAY*")
        made.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE)
        made.set_menu_label("_Lens wide open...")
        made.add_menu_path("<Image>/Filters/Blur")
        made.set_documentation("The soft background of a fast lens wide open", "Starts the program wideopen.", name)
        made.set_attribution("The wideopen contributors", "Apache-2.0", "2026")
        both = GObject.ParamFlags.READWRITE
        made.add_double_argument("aperture", "_Aperture f/", "f-number", 0.5, 32, 1.8, both)
        made.add_string_argument("focus", "_Focus", "auto, near, far, or X,Y in px of the layer", "auto", both)
        made.add_boolean_argument("selection", "_Selection is the subject", "if anything is selected", True, both)
        made.add_string_argument("more", "_More options", "of wideopen render, as --blades 7", "", both)
        made.add_string_argument("program", "_Program", "Path of wideopen, if it is not found", "wideopen", both)
        return made


Gimp.main(WideOpen.__gtype__, sys.argv)
