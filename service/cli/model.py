"""`tenth model`: a Detoxify checkpoint made ready for servers without torch."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from service.cli.base import json_option, print_json
from service.config import load_settings
from service.scorers import detoxify_settings

FOLDER = Path("detoxify")


@click.group("model")
def model() -> None:
    """Prepare a Detoxify model for scoring without torch, and look at what was prepared."""


@model.command("export")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Detoxify's .ckpt file, instead of the setting.")
@click.option("--config", type=click.Path(path_type=Path), help="Folder of the base model's files, likewise.")
@click.option("--model", "which", help="Which Detoxify model the checkpoint is of, likewise.")
@click.option("--digest", help="SHA-256 that the checkpoint must have, likewise.")
@click.option("--to", type=click.Path(path_type=Path), help="Folder to write; by default detoxify in the data folder.")
@json_option
def export(
    checkpoint: Path | None, config: Path | None, which: str | None, digest: str | None, to: Path | None, as_json: bool
) -> None:
    """Turn a checkpoint into ONNX, in the fastest form that scores as Detoxify does.

    Needs the extra `detoxify`; the servers that score then do not. The checkpoint is a pickle: give its digest unless
    you trust where it came from. Every form is compared with Detoxify itself on probe texts, and refused when any class
    of any text differs by more than 0.02. What is slower, or refused, is not installed.

    \b
    Example:  tenth model export --checkpoint multilingual.ckpt --config xlm-roberta-base --digest 0b549669…
    """
    from moderation.scoring.export import export as export_model

    settings = load_settings()
    given = {"checkpoint": checkpoint, "config": config, "model": which, "sha256": digest}
    wanted = detoxify_settings(settings) | {name: str(value) for name, value in given.items() if value}
    found = export_model(wanted, to or settings.data_dir / FOLDER, lambda line: click.echo(line, err=True))
    if as_json:
        print_json(asdict(found))
        return
    click.echo(f"Chosen: {found.chosen.precision}, the fastest that scores alike. Written to {found.folder.resolve()}.")
    click.echo("Use it with TENTH_SCORER=detoxify-onnx and TENTH_DETOXIFY_EXPORT set to that folder.")


@model.command("info")
@click.option("--folder", type=click.Path(path_type=Path), help="An export; by default the setting's.")
@json_option
def info(folder: Path | None, as_json: bool) -> None:
    """Check an export and say what it is: form, drift, speed, digests.

    \b
    Example:  tenth model info --folder var/detoxify
    """
    from moderation.scoring.onnx_detoxify import CARD, build_onnx_detoxify

    settings = load_settings()
    place = folder or Path(settings.detoxify_export or settings.data_dir / FOLDER)
    scorer = build_onnx_detoxify({"export": str(place)})
    told = json.loads((place / CARD).read_text("utf-8")) | {"scorer": f"{scorer.name}@{scorer.version}"}
    if as_json:
        print_json(told)
        return
    measured = told.pop("measured")
    forms = measured.pop("forms")
    for name, value in (told | measured).items():
        click.echo(f"  {name:<14}{', '.join(value) if isinstance(value, list) else value}")
    for form in forms:
        chosen = "chosen" if form["precision"] == told["precision"] else ""
        drift = max(form["drift"].values())
        click.echo(
            f"  {form['precision']:<14}{form['megabytes']:,.1f} MB, {form['texts_per_second']:,.1f} texts/s, "
            f"drift {drift:.4f} {chosen}".rstrip()
        )


COMMANDS = (model,)
