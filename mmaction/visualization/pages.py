"""HTML pages that need no other file: one look, texts escaped, pictures inside."""

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BASE = Path(__file__).with_name("page.html")


def render_page(template: Path, title: str, **values: Any) -> str:
    """Return the page that a template makes of ``values``, with ``title`` as its title and first heading.

    The template is a Jinja file that fills the blocks ``head``, ``navigation``, ``content`` and ``scripts`` of
    ``page.html``. Values are escaped, unless they are ``Markup``; ``share | percent`` writes ``12.34 %``.
    """
    from jinja2 import Environment, FileSystemLoader

    loader = FileSystemLoader([BASE.parent, template.parent])
    environment = Environment(autoescape=True, loader=loader)
    environment.filters["percent"] = lambda value: "-" if value is None else f"{100 * value:.2f} %"
    return environment.get_template(template.name).render(title=title, **values)


def image_uri(data: bytes, kind: str) -> str:
    """Return an encoded picture (``kind`` ``png`` or ``jpeg``) as a ``data:`` address."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def picture_uri(image: np.ndarray, quality: int = 80) -> str:
    """Return an RGB picture, uint8 ``(H, W, 3)``, as a JPEG in a ``data:`` address."""
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return image_uri(encoded.tobytes(), "jpeg")


def figure_uri(figure: "Figure", dpi: int = 90) -> str:
    """Return a matplotlib figure as a PNG in a ``data:`` address."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=dpi)
    return image_uri(data.getvalue(), "png")
