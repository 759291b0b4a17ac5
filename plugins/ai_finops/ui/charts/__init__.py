"""Pictures as SVG, made on the server: they are there without a script, without a font from elsewhere, and in print."""

from ai_finops.ui.charts.draw import draw

__all__ = ["draw"]
