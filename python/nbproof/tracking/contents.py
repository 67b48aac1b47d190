"""What can be done with the content of an artifact: read it, copy it, show it.

Nothing here executes or unpickles anything; HTML is shown in a frame that may run no script and fetch
nothing, pictures as pictures.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Protocol

from nbproof.core.errors import Conflict, Invalid, NotFound, Unavailable
from nbproof.tracking.references import is_url

if TYPE_CHECKING:
    import pandas

    from nbproof.tracking.models import Artifact, ArtifactPreview

__all__ = [
    "Contents",
    "artifact_bundle",
    "downloaded",
    "frame_of",
    "local_file",
    "opened",
    "previewed",
    "put_into",
    "shown",
]

_SHOWN_BYTES = 10 << 20  # of a picture or a sound in a cell
_PLOTLY_BYTES = 5 << 20
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
)
_PLOTLY = "application/vnd.plotly.v1+json"


class _Records(Protocol):
    def get_artifact(self, run_id: str, reference: str) -> Artifact: ...
    def preview_artifact(
        self, run_id: str, reference: str, read: Callable[[str], BinaryIO]
    ) -> ArtifactPreview: ...


@dataclass(frozen=True, slots=True)
class Contents:
    """Where the content of one run's artifacts is, here or on a server."""

    run_id: str
    # Where it is read from is no part of what an artifact is: two readings of one are equal.
    records: _Records = field(compare=False)
    fetch: Callable[[str], Path] = field(compare=False)
    read: Callable[[str], BinaryIO] = field(compare=False)

    def find(self, reference: str) -> Artifact:
        """The artifact of a name or ``name@v2``; raises `NotFound`."""
        artifact = self.records.get_artifact(self.run_id, reference)
        artifact._contents = self
        return artifact

    def preview(self, reference: str) -> ArtifactPreview:
        """See `ExperimentTracker.preview_artifact`."""
        return self.records.preview_artifact(self.run_id, reference, self.read)


def local_file(artifact: Artifact) -> Path:
    """The file with the content; not to be changed."""
    if artifact.reference is not None:
        if is_url(artifact.reference):
            raise Invalid(
                f"{artifact.name!r} is a reference to {artifact.reference}: its content is not kept here",
                hint="fetch it from there",
            )
        path = Path(artifact.reference)
        if not path.is_file():
            raise NotFound(f"what {artifact.name!r} refers to is not there: {artifact.reference}")
        return path
    contents = _contents_of(artifact)
    return contents.fetch(_place(artifact, contents))


def opened(artifact: Artifact) -> BinaryIO:
    """A stream of the content that can seek."""
    try:
        if artifact.reference is not None:
            return open(local_file(artifact), "rb")
        contents = _contents_of(artifact)
        return contents.read(_place(artifact, contents))
    except OSError as error:
        raise Unavailable(f"{artifact.name!r} cannot be read: {error.strerror}") from error


def _contents_of(artifact: Artifact) -> Contents:
    if artifact._contents is None:
        raise Unavailable(
            "this Artifact came without its workspace", hint="read it from nbp.get_run(id).artifacts"
        )
    return artifact._contents


def _place(artifact: Artifact, contents: Contents) -> str:
    # A server tells no places of its store: there the name is the place.
    return artifact.location or f"{contents.run_id}/{artifact.name}@v{artifact.version}"


def downloaded(artifact: Artifact, folder: Path) -> Path:
    """Copy the content into a folder."""
    with opened(artifact) as source:
        return put_into(source, folder.expanduser(), artifact.name.rpartition("/")[2])


def put_into(source: IO[bytes], folder: Path, name: str) -> Path:
    """Copy a stream that can be rewound into a folder, which is made; a file of equal content stays.

    Raises
    ------
    Conflict
        There is a file with other content.
    """
    target = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    if target.is_file() and _equal(source, target):
        return target
    # Beside its place first, so that an interrupted copy is never taken for the file.
    partial = target.with_name(f".{target.name[-100:]}.{os.getpid()}.part")
    try:
        with partial.open("xb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        try:
            os.link(partial, target)  # fails where somebody has put another file meanwhile
        except FileExistsError:
            raise Conflict(
                f"{str(target)!r} is there already, with other content",
                hint="name another folder, or delete it",
                details={"field": "folder"},
            ) from None
        except OSError:  # a disk without hard links
            if target.exists():
                raise Conflict(f"{str(target)!r} is there already") from None
            partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target


def _equal(stream: IO[bytes], path: Path) -> bool:
    equal = True
    with path.open("rb") as other:
        while equal and (piece := stream.read(1 << 20)):
            equal = other.read(len(piece)) == piece
        equal = equal and not other.read(1)
    stream.seek(0)
    return equal


def frame_of(artifact: Artifact) -> pandas.DataFrame:
    """A table as a frame."""
    import pandas

    kind = artifact.media_type.partition(";")[0]
    if kind == "application/vnd.apache.parquet":
        with opened(artifact) as file:
            return pandas.read_parquet(file)
    if kind == "application/vnd.apache.arrow.file":
        with opened(artifact) as file:
            return pandas.read_feather(file)
    if kind == "application/x-ndjson":
        # By hand: pandas would guess dates from the names of columns.
        import json

        with opened(artifact) as file:
            return pandas.DataFrame([json.loads(line) for line in file if line.strip()])
    if kind in ("text/csv", "text/tab-separated-values"):
        with opened(artifact) as file:
            return _csv(file, "," if kind == "text/csv" else "\t", artifact.metadata)
    raise Invalid(
        f"{artifact.name!r} is no table: it is {artifact.media_type}",
        hint="Parquet, CSV, TSV, JSON lines and Arrow are; read_bytes() gives anything",
    )


def _csv(file: BinaryIO, separator: str, metadata: dict[str, Any]) -> pandas.DataFrame:
    """A CSV with the types it was logged with, as far as they are told."""
    import pandas

    types = metadata.get("types")
    index = metadata.get("index")
    known = types if isinstance(types, dict) else {}
    moments = [name for name, kind in known.items() if str(kind).startswith("datetime64")]
    simple = {
        name: kind
        for name, kind in known.items()
        if name not in moments and str(kind).startswith(("int", "uint", "float", "bool", "str", "object"))
    }
    frame = pandas.read_csv(file, sep=separator, dtype=simple, index_col=index or None)
    for name in moments:
        if name in frame:
            frame[name] = pandas.to_datetime(frame[name], format="ISO8601").astype(known[name])
    return frame


def previewed(artifact: Artifact) -> ArtifactPreview:
    """A few plain values of the content."""
    return _contents_of(artifact).preview(f"{artifact.name}@v{artifact.version}")


def shown(artifact: Artifact) -> None:
    """Show it where the user looks."""
    import sys

    # That its package is loaded says nothing: a script may have done that.
    if getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)() is not None:
        from IPython.display import display

        display(artifact)  # type: ignore[no-untyped-call]  # IPython annotates it nowhere
    else:
        sys.stdout.write(artifact_bundle(artifact)["text/plain"] + "\n")


def artifact_bundle(artifact: Artifact) -> dict[str, Any]:
    """How an artifact looks in a cell."""
    head = str(artifact)
    bundle: dict[str, Any] = {"text/plain": head}
    if artifact._contents is None:
        return bundle
    try:
        return bundle | _rich(artifact, head)
    except (NotFound, Unavailable, Invalid, ValueError) as error:
        # A cell shows what there is, and why there is no more: content may be other than its media type says.
        return bundle | {"text/plain": f"{head}\n{error}"}


def _rich(artifact: Artifact, head: str) -> dict[str, Any]:
    if artifact.media_type == _PLOTLY and artifact.size_bytes <= _PLOTLY_BYTES:
        import json

        return {_PLOTLY: json.loads(artifact.read_bytes())}
    family = artifact.media_type.partition("/")[0]
    small = artifact.size_bytes <= _SHOWN_BYTES and artifact.reference is None
    if family in ("image", "audio") and small:
        data = f"data:{escape(artifact.media_type)};base64,{_base64(artifact)}"
        said = escape(str(artifact.metadata.get("caption") or artifact.name))
        if family == "audio":
            return {"text/html": f'<figure><audio controls src="{data}"></audio><br>{said}</figure>'}
        # As a picture even SVG runs no script.
        return {
            "text/html": f'<figure style="margin:0"><img alt="{said}" style="max-width:100%" src="{data}">'
            f"<figcaption>{said}</figcaption></figure>"
        }
    if artifact.kind == "html" and small:
        page = escape(_POLICY + artifact.read_bytes().decode("utf-8", "replace"))
        return {
            "text/html": f'<iframe sandbox srcdoc="{page}" title="{escape(artifact.name)}" '
            # A page that names no colours is written for black on white, whatever the theme around it.
            'style="width:100%;height:24em;background:#fff;color-scheme:light;'
            'border:1px solid var(--jp-border-color2,#808080)"></iframe>'
        }
    preview = artifact.preview()
    from nbproof.tracking.previews import preview_html, preview_text

    return {"text/plain": f"{head}\n{preview_text(preview)}", "text/html": preview_html(preview)}


def _base64(artifact: Artifact) -> str:
    return base64.b64encode(artifact.read_bytes()).decode("ascii")
