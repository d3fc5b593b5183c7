"""The scan language: text → tree → values."""

from __future__ import annotations

from technic.query.evaluate import Evaluation
from technic.query.parse import parse
from technic.query.resolve import Resolver
from technic.query.tree import Node

__all__ = ["Evaluation", "Node", "Resolver", "parse"]
