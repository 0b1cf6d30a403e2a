"""The parts of Inspect that it does not export, imported in this one place.

Checked against inspect-ai 0.3.285. When an upgrade breaks one of these names, mend it here.
"""

from inspect_ai._util.error import PrerequisiteError
from inspect_ai.log._samples import sample_active
from inspect_ai.model._generate_config import active_generate_config
from inspect_ai.model._model import model_roles
from inspect_ai.model._model_info import _get_model_info_direct as model_info
from inspect_ai.util._limit import LimitExceededError

__all__ = [
    "LimitExceededError",
    "PrerequisiteError",
    "active_generate_config",
    "model_info",
    "model_roles",
    "sample_active",
]
